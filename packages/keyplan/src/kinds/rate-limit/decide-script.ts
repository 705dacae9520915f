import { script } from '../../redis/script.ts'
import type { AlgorithmLua } from './algorithm.ts'
import { algorithms } from './algorithms.ts'
import { blockLua } from './block-policy.ts'
import { answer, fail, figures } from './figures.ts'
import { windowShape } from './fixed-window.ts'
import { luaLocals } from './lua-locals.ts'
import type { RateLimitAlgorithm, RateLimitPolicy } from './policy.ts'

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
 * Decides on requests of any kind, in order. A request is one key or several, all or nothing: where one of them does not fit,
 * nothing is taken from any.
 *
 * Arguments: how many policies, the figures of each, and for each key the number of its policy (from 1, negative when the
 * key belongs to the request of the one before) and its cost, `+5` for a penalty and `-5` for what is given back, which
 * never ask whether they fit. After a key whose policy can block comes the key of its block.
 *
 * Figures of each key: 1 if it fits, 0 if not, or minus the milliseconds it is blocked for; then those of its algorithm.
 */
export const decideScript = (name: string, used: readonly RateLimitAlgorithm[]) =>
  script({
    name: `rate-limit.${name}`,
    keys: ['...keys'],
    args: ['...args'],
    reply: figures,
    lua: `${luaLocals}${blockLua}
local algorithms = {
${used.map(algorithm => `['${algorithm}'] = ${functionsOf(algorithms[algorithm].lua)},`).join('\n')}
}
local texts = { ${used.map(algorithm => `['${algorithm}'] = ${algorithms[algorithm].lua.text},`).join(' ')} }
local policies, at = {}, 2
for index = 1, tonumber(args[1]) do
  local function figure(offset) return tonumber(args[at + offset]) end
  local p = { text = texts[args[at]] }
  p.look, p.fits, p.take = algorithms[args[at]](figure(1), figure(2), figure(3), figure(4), figure(5), figure(6))
  if figure(7) > 0 then
    p.block = { first = figure(7), factor = figure(8), most = figure(9), remember = figure(10), by_denial = figure(11) == 1 }
  end
  policies[index] = p
  at = at + ${policyWidth}
end
local most = ${mostFigures + mostFound}
local function look(s, asked)
  local state = s.p.text and call('GET', s.key)
  if type(state) == 'table' then
    s.err = state.err
  else
    s.err, s[1], s[2], s[3], s[4], s[5], s[6], s[7], s[8] = s.p.look(s.key, asked, state)
  end
end
local function fits(s, asked) return s.p.fits(asked, unpack(s, 1, most)) end
local function take(s)
  local failure
  failure, s[1], s[2], s[3] = s.p.take(s.key, s.cost, unpack(s, 1, most))
  return failure
end
local reply, n, failures, place, k = {}, 0, nil, 0, 1
while k <= #keys do
  local request, fit, failure = {}, true, nil
  repeat
    local sign = string.byte(args[at + 1])
    local p, cost, forced = policies[abs(args[at])], tonumber(args[at + 1]), sign == 43 or sign == 45
    at = at + 2
    local asked = (forced or cost == 0) and 1 or cost
    local s = { p = p, key = keys[k], cost = cost, forced = forced, blocked = 0 }
    look(s, asked)
    k = k + 1
    if p.block then
      local till, _, wrong = block_of(keys[k])
      s.block, s.blocked, s.err = keys[k], max(0, till - now), s.err or (wrong and wrong.err)
      k = k + 1
    end
    if s.err then
      failure = s.err
    elseif not forced and s.blocked == 0 then
      s.fits = fits(s, asked)
    end
    fit = fit and (forced or s.fits)
    request[#request + 1] = s
  until k > #keys or tonumber(args[at]) > 0
  for _, s in ipairs(request) do
    local p = s.p
    if failure then
      -- Nothing of a request is done when one of its keys cannot be counted.
    elseif s.forced then
      failure = take(s)
      if not failure then
        look(s, 1)
        s.fits = s.blocked == 0 and fits(s, 1)
      end
    elseif fit and s.cost > 0 then
      failure = take(s)
    elseif s.fits == false and s.cost > 0 and p.block and p.block.by_denial then
      local lasts, refused = block(s.block, p.block.first, p.block)
      s.blocked, failure = lasts, refused and refused.err
    end
    reply[n + 1] = s.blocked > 0 and -s.blocked or (s.fits and 1 or 0)
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

const mostFigures = 3
const mostFound = 5

/**
 * The statements of an algorithm as functions of one policy: `look(key, asked, state)` gives the error, the figures and what else
 * it found; `fits(asked, …)` and `take(key, cost, …)` are handed these, and `take` gives the error and the figures.
 */
function functionsOf({ begin, look, fits, take, figures, found }: AlgorithmLua): string {
  const names = [
    ...figures,
    ...Array.from({ length: mostFigures - figures.length }, (_, at) => `unused${at}`),
    ...found,
  ]
  const list = names.join(', ')
  const counted = names.slice(0, mostFigures).join(', ')
  return `function(limit, window, capacity, grain, length, cycle)
${begin}
return function(key, asked, state)
local failure, ${list}
${look}
return failure, ${list}
end, function(asked, ${list})
return ${fits}
end, function(key, cost, ${list})
local failure
${take}
return failure, ${counted}
end
end`
}
