import { script } from '../../redis/script.ts'
import type { AlgorithmLua } from './algorithm.ts'
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
export const takeScript = (name: string, lua: AlgorithmLua) =>
  script({
    name: `rate-limit.${name}`,
    keys: ['...keys'],
    args: ['limitText', 'windowText', 'capacityText', '...costs'],
    reply: figures,
    lua: `${luaLocals}
local limit, window, capacity = tonumber(limitText), tonumber(windowText), tonumber(capacityText)
${lua.begin}
local reply, n, failures, written = {}, 0, nil, {}
${lua.text ? "local states = call('MGET', unpack(keys))" : ''}
for i = 1, #keys do
  local failure, ${[...lua.figures, ...lua.found].join(', ')}
  local key, cost, asked, fit = keys[i], 1, 1, 0
  if costs[i] then
    cost = tonumber(costs[i])
    if cost > 0 then asked = cost end
  end
  ${lua.text ? readState : ''}
  if not failure then
    ${lua.look}
  end
  if not failure and ${lua.fits} then
    fit = 1
    if cost > 0 then
      written[key] = true
      ${lua.take}
    end
  end
  reply[n + 1], ${lua.figures.map((_, at) => `reply[n + ${at + 2}]`).join(', ')} = fit, ${lua.figures.map(orNone).join(', ')}
  n = n + ${1 + lua.figures.length}
  if failure then
    ${fail('i', 'failure')}
  end
end
${answer}`,
  })

const orNone = (figure: string) => `${figure} or 0`

const readState = `local state = states[i]
  if not state or written[key] then
    state = call('GET', key)
    if type(state) == 'table' then failure = state.err end
  end`
