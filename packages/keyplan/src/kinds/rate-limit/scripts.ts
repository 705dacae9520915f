import { script } from '../../redis/script.ts'
import { algorithms } from './algorithms.ts'
import { blockLua } from './block-policy.ts'
import { decideScript } from './decide-script.ts'
import { fixedWindowScript } from './fixed-window-script.ts'
import { luaLocals } from './lua-locals.ts'
import type { RateLimitAlgorithm } from './policy.ts'
import { takeScript } from './take-script.ts'

const names = Object.keys(algorithms) as RateLimitAlgorithm[]

/** One for each algorithm, which is short, and one for requests that mix them. */
export const decideScripts = {
  ...perAlgorithm(name => decideScript(`${name}.decide`, [name])),
  mixed: decideScript('decide', names),
}

/** For the common call. */
export const takeScripts = perAlgorithm(name => takeScript(name, algorithms[name].lua))

/** Blocks a key. Gives the milliseconds until it ends. */
export const blockScript = script({
  name: 'rate-limit.block',
  keys: ['key'],
  args: ['first', 'factor', 'most', 'remember'],
  reply: Number,
  lua: `${luaLocals}${blockLua}
local lasts, failure = block(key, tonumber(first), {
  factor = tonumber(factor), most = tonumber(most), remember = tonumber(remember),
})
return failure or lasts
`,
})

export const rateLimitScripts = [
  fixedWindowScript,
  ...Object.values(takeScripts),
  ...Object.values(decideScripts),
  blockScript,
]

function perAlgorithm<T>(make: (name: RateLimitAlgorithm) => T): Readonly<Record<RateLimitAlgorithm, T>> {
  return Object.fromEntries(names.map(name => [name, make(name)])) as Readonly<Record<RateLimitAlgorithm, T>>
}
