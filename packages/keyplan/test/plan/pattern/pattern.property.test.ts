import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isKeyplanError } from '../../../src/base/error.ts'
import { parsePattern } from '../../../src/plan/pattern/parse.ts'
import type { Pattern } from '../../../src/plan/pattern/pattern.ts'
import { nastyOrRefused, nastyText } from './nasty-text.ts'

/** Neighbours in one plan, as close to each other as patterns can stand. */
const patterns = [
  parsePattern('user:<a>'),
  parsePattern('user:<a>:<b>'),
  parsePattern('user:<a>:<b>:x-<c>'),
  parsePattern('users:<a>-x:<b>:y'),
  parsePattern('cart:{<a>}'),
  parsePattern('cart:{<a>}:<b>'),
  parsePattern('cart:{<a>:<b>}:items:<c>'),
  parsePattern('rest:<a>:<b...>'),
  parsePattern('glob*[x]?\\<a>'),
  parsePattern('{rest}:<a...>'),
  parsePattern('secret:<a>:<b>', { hashed: ['a'] }),
]

const tuple = fc.record({
  pattern: fc.constantFrom(...patterns),
  values: fc.tuple(nastyOrRefused, nastyOrRefused, nastyOrRefused),
})

function paramsOf(pattern: Pattern, values: readonly string[]): Record<string, string> {
  return Object.fromEntries(pattern.params.map((name, index) => [name, values[index]!]))
}

/** What a key cannot hold, said independently of the encoding: `%XX` is three bytes for one. */
function isRefused(pattern: Pattern, [name, value]: [string, string]): boolean {
  if (Buffer.from(value, 'utf8').toString('utf8') !== value) return true
  if (pattern.parts.some(part => 'param' in part && part.param === name && part.hashed)) return false
  return value.length > 300
}

function formatted(pattern: Pattern, params: Record<string, string>): string | undefined {
  try {
    return pattern.format(params)
  } catch (error) {
    if (isKeyplanError(error, 'PARAM_INVALID')) return undefined
    throw error
  }
}

test('100,000 nasty tuples never collide, never leave their namespace, and come back as they were', {
  timeout: 120_000,
}, () => {
  const owners = new Map<string, string>()
  let refused = 0
  for (const { pattern, values } of fc.sample(tuple, 100_000)) {
    const params = paramsOf(pattern, values)
    const key = formatted(pattern, params)
    const expected = Object.entries(params).some(entry => isRefused(pattern, entry))
    if ((key === undefined) !== expected)
      expect.fail(`refused wrongly or let through: ${JSON.stringify(params).slice(0, 200)}`)
    if (key === undefined) {
      refused++
      continue
    }
    const identity = `${pattern.source} ${JSON.stringify(params)}`
    if ((owners.get(key) ?? identity) !== identity) expect.fail(`one key for ${identity} and ${owners.get(key)}`)
    owners.set(key, identity)

    const matching = patterns.filter(candidate => candidate.match(key))
    if (matching.length !== 1 || matching[0] !== pattern) expect.fail(`${JSON.stringify(key)} left ${pattern.source}`)
    const back = pattern.match(key)!
    for (const part of pattern.parts) {
      if ('literal' in part || part.hashed || back[part.param] === params[part.param]) continue
      expect.fail(`${part.param} of ${identity} came back as ${JSON.stringify(back[part.param])}`)
    }
    if (key.includes(':~')) expect.fail(`${identity} can be taken for a helper key`)
  }
  expect(owners.size).toBeGreaterThan(50_000)
  expect(refused).toBeGreaterThan(1_000)
})

test('a value cannot change the hash tag of its key', () => {
  const tag = (key: string) => /\{(.+?)\}/.exec(key)?.[1]
  fc.assert(
    fc.property(nastyText, nastyText, (cart, item) => {
      const whole = parsePattern('cart:{<cart>}').format({ cart })
      const part = parsePattern('cart:{<cart>}:<item>').format({ cart, item })
      expect(tag(part)).toBe(tag(whole))
      expect(tag(parsePattern('user:<cart>').format({ cart }))).toBeUndefined()
    }),
    { numRuns: 2_000 },
  )
})

test('match accepts nothing that format cannot write', () => {
  fc.assert(
    fc.property(fc.constantFrom(...patterns.slice(0, -1)), nastyText, nastyText, (pattern, left, right) => {
      const key = `${pattern.stem}${left}:${right}`
      const params = pattern.match(key)
      if (params) expect(pattern.format(params)).toBe(key)
    }),
    { numRuns: 20_000 },
  )
})
