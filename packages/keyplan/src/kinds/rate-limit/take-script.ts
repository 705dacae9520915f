import { script } from '../../redis/script.ts'
import type { Algorithm } from './algorithm.ts'
import { answer, fail, figures } from './figures.ts'
import { luaLocals } from './lua-locals.ts'

/**
 * The common call of an algorithm, many keys at once: each takes by one policy, which cannot block, and nothing is taken
 * beyond it. `costs` is empty when every cost is 1. (A fixed window has a script of its own.)
 *
 * What a key says is read with all others, and by itself only where that tells nothing: where it was written by this very
 * call, or has no text, which may mean that it holds something else.
 *
 * Figures of each key: 1 if it fits and 0 if not, then those of its algorithm.
 */
export const takeScript = (name: string, { lua, text }: Algorithm) =>
  script({
    name: `rate-limit.${name}`,
    keys: ['...keys'],
    args: ['limit', 'window', 'capacity', '...costs'],
    reply: figures,
    lua: `${luaLocals}
local look, fits, take = (${lua})(tonumber(limit), tonumber(window), tonumber(capacity))
local reply, n, failures, written = {}, 0, nil, {}
${text ? "local states = call('MGET', unpack(keys))" : ''}
for i = 1, #keys do
  local key, cost, fit = keys[i], tonumber(costs[i] or 1), 0
  ${text ? readState : 'local state'}
  local failure, a, b, c, d, e, f, g
  if type(state) == 'table' then
    failure = state.err
  else
    failure, a, b, c, d, e, f, g = look(key, cost == 0 and 1 or cost, state)
  end
  if not failure and fits(cost == 0 and 1 or cost, a, b, c) then
    fit = 1
    if cost > 0 then
      written[key] = true
      failure, a, b, c = take(key, cost, a, b, c, d, e, f, g)
    end
  end
  reply[n + 1], reply[n + 2], reply[n + 3], reply[n + 4] = fit, a or 0, b or 0, c or 0
  n = n + 4
  if failure then
    ${fail('i', 'failure')}
  end
end
${answer}`,
  })

const readState = `local state = states[i]
  if not state or written[key] then state = call('GET', key) end`
