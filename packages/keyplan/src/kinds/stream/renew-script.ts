import { script } from '../../redis/script.ts'

/**
 * Prolongs the right of entries to their effects. Looks whether each is still open: one that was given up meanwhile must
 * not take back what its burial has freed.
 */
export const renewScript = script({
  name: 'stream.renew',
  keys: ['open', '...effects'],
  args: ['ms', '...claimants'],
  reply: () => undefined,
  lua: `
for i, effect in ipairs(effects) do
  local holder = redis.call('GET', effect)
  if (not holder or holder == claimants[i]) and redis.call('ZSCORE', open, claimants[i]) then
    redis.call('SET', effect, claimants[i], 'PX', ms)
  end
end
return 1
`,
})
