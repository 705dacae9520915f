import { script } from '../../redis/script.ts'
import { algorithms } from './algorithms.ts'
import { blockLua } from './block-policy.ts'
import { answer, fail, figures } from './figures.ts'
import { windowShape } from './fixed-window.ts'
import { fixedWindowScript } from './fixed-window-script.ts'
import type { RateLimitAlgorithm, RateLimitPolicy } from './policy.ts'

const locals = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local call, match, format, packed, unpacked = redis.pcall, string.match, string.format, struct.pack, struct.unpack
local floor, ceil, max, min, abs = math.floor, math.ceil, math.max, math.min, math.abs
`

/** The arguments of a policy, in the order in which `decideScript` reads them. */
export function policyArguments(policy: RateLimitPolicy): (string | number)[] {
  const { algorithm, limit, windowMs, capacity, block } = policy
  const { grain, length, cycle } = windowShape(policy)
  const blocking = block ? [block.forMs, block.factor, block.atMostMs, block.rememberMs, Number(block.onDenied)] : none
  return [algorithm, limit, windowMs, capacity, grain, length, cycle, ...blocking]
}

const none = [0, 1, 0, 0, 0]

const policyWidth = 12

/**
 * Decides on requests in order. A request is one key or several, all or nothing: where one of them does not fit, nothing
 * is taken from any.
 *
 * Arguments: how many policies, the figures of each, and for each key the number of its policy (from 1, negative when the
 * key belongs to the request of the one before) and its cost, `+5` for a penalty and `-5` for what is given back, which
 * never ask whether they fit. Without those, which is the common call, every key is a request of its own, for 1 by the only
 * policy, which cannot block. After a key whose
 * policy can block comes the key of its block.
 *
 * Figures of each key: 1 if it fits, 0 if not, or minus the milliseconds it is blocked for; then those of its algorithm.
 */
const decideScript = (name: string, used: readonly RateLimitAlgorithm[]) =>
  script({
    name: `rate-limit.${name}`,
    keys: ['...keys'],
    args: ['...args'],
    reply: figures,
    lua: `${locals}${blockLua}
local algorithms = {
${used.map(algorithm => `['${algorithm}'] = ${algorithms[algorithm].lua},`).join('\n')}
}
local policies, at = {}, 2
for index = 1, tonumber(args[1]) do
  local function figure(offset) return tonumber(args[at + offset]) end
  local p = {
    limit = figure(1), window = figure(2), capacity = figure(3), grain = figure(4), length = figure(5), cycle = figure(6),
  }
  local how = algorithms[args[at]]
  p.look, p.fits, p.take = how.look, how.fits, how.take
  if figure(7) > 0 then
    p.block = { first = figure(7), factor = figure(8), most = figure(9), remember = figure(10), by_denial = figure(11) == 1 }
  end
  policies[index] = p
  at = at + ${policyWidth}
end
local alike = at > #args
local reply, n, failures, place, k = {}, 0, nil, 0, 1
while alike and k <= #keys do
  local p, failure = policies[1], nil
  local s = p.look(keys[k], p, 1)
  local fit = not s.err and p.fits(s, 1, p)
  if fit then
    local refused = p.take(keys[k], s, 1, p)
    if type(refused) == 'table' then failure = refused.err end
  end
  reply[n + 1], reply[n + 2], reply[n + 3], reply[n + 4] = fit and 1 or 0, s[1] or 0, s[2] or 0, s[3] or 0
  n = n + 4
  failure = s.err or failure
  if failure then
    ${fail('k', 'failure')}
  end
  k = k + 1
end
while k <= #keys do
  local request, fit, failure = {}, true, nil
  repeat
    local sign = string.byte(args[at + 1])
    local p, cost, forced = policies[abs(args[at])], tonumber(args[at + 1]), sign == 43 or sign == 45
    at = at + 2
    local asked = (forced or cost == 0) and 1 or cost
    local s = p.look(keys[k], p, asked)
    s.p, s.key, s.cost, s.forced, s.blocked = p, keys[k], cost, forced, 0
    k = k + 1
    if p.block then
      local till, _, wrong = block_of(keys[k])
      s.block, s.blocked, s.err = keys[k], max(0, till - now), s.err or (wrong and wrong.err)
      k = k + 1
    end
    if s.err then
      failure = s.err
    elseif not forced and s.blocked == 0 then
      s.fits = p.fits(s, asked, p)
    end
    fit = fit and (forced or s.fits)
    request[#request + 1] = s
  until k > #keys or tonumber(args[at]) > 0
  for _, s in ipairs(request) do
    local p = s.p
    if failure then
      -- Nothing of a request is done when one of its keys cannot be counted.
    elseif s.forced then
      local refused = p.take(s.key, s, s.cost, p)
      if type(refused) == 'table' and refused.err then
        failure = refused.err
      else
        local block, blocked = s.block, s.blocked
        s = p.look(s.key, p, 1)
        s.fits, s.blocked = blocked == 0 and p.fits(s, 1, p), blocked
      end
    elseif fit and s.cost > 0 then
      local refused = p.take(s.key, s, s.cost, p)
      if type(refused) == 'table' then failure = refused.err end
    elseif s.fits == false and s.cost > 0 and p.block and p.block.by_denial then
      local lasts, refused = block(s.block, p.block.first, p.block)
      s.blocked, failure = lasts, refused and refused.err
    end
    reply[n + 1] = s.blocked and s.blocked > 0 and -s.blocked or (s.fits and 1 or 0)
    reply[n + 2], reply[n + 3], reply[n + 4] = s[1] or 0, s[2] or 0, s[3] or 0
    n = n + 4
  end
  place = place + 1
  if failure then
    ${fail('place', 'failure')}
  end
end
${answer}`,
  })

const names = Object.keys(algorithms) as RateLimitAlgorithm[]

/** One for each algorithm, which is short, and one for requests that mix them. */
export const decideScripts = {
  ...(Object.fromEntries(names.map(name => [name, decideScript(`${name}.decide`, [name])])) as Readonly<
    Record<RateLimitAlgorithm, ReturnType<typeof decideScript>>
  >),
  mixed: decideScript('decide', names),
}

/** Blocks a key. Gives the milliseconds until it ends. */
export const blockScript = script({
  name: 'rate-limit.block',
  keys: ['key'],
  args: ['first', 'factor', 'most', 'remember'],
  reply: Number,
  lua: `${locals}${blockLua}
local lasts, failure = block(key, tonumber(first), {
  factor = tonumber(factor), most = tonumber(most), remember = tonumber(remember),
})
return failure or lasts
`,
})

export const rateLimitScripts = [fixedWindowScript, ...Object.values(decideScripts), blockScript]
