import { describe, expect, test } from 'vitest'
import { compressed } from '../../src/base/codec/compressed.ts'
import { json } from '../../src/base/codec/json.ts'
import { versioned } from '../../src/base/codec/versioned.ts'
import { isKeyplanError, KeyplanError } from '../../src/base/error.ts'
import type { Size } from '../../src/base/size.ts'
import { cache } from '../../src/kinds/cache/contract.ts'
import { lock } from '../../src/kinds/lock/contract.ts'
import { rateLimit } from '../../src/kinds/rate-limit/declaration.ts'
import type { Declaration, NamespaceOptions } from '../../src/plan/declaration.ts'
import { definePlan, type PlanOptions, withPrefix } from '../../src/plan/define.ts'
import { foreign, isForeign } from '../../src/plan/foreign.ts'
import { isPlan, type Namespaces } from '../../src/plan/plan.ts'

/** A declaration as a kind makes it, reduced to what a plan looks at. */
function declared<P extends string>(
  pattern: P,
  common: NamespaceOptions = {},
  rest: Partial<Declaration> = {},
): Declaration<'kept', P> {
  const base = { space: 'key', durability: 'durable', whenDown: 'fail', options: {}, facts: {}, problems: [] } as const
  return { ...base, ...rest, kind: 'kept', pattern, common }
}

/** A property that is spelled out would make the object look like a promise. */
const thenable = 'then'

function problemsOf(namespaces: Record<string, unknown>, options?: PlanOptions, name = 'app'): readonly string[] {
  try {
    definePlan(name, namespaces as Namespaces, options)
  } catch (error) {
    if (!isKeyplanError(error, 'PLAN_INVALID')) throw error
    for (const problem of error.problems) expect(error.message).toContain(problem)
    return error.problems
  }
  return []
}

describe('a sound plan', () => {
  const plan = definePlan(
    'app',
    { user: declared('user:<id>'), cart: declared('cart:{<id>}'), item: declared('cart:{<id>}:<item>') },
    { prefix: 'app:' },
  )

  test('holds its parsed patterns under its prefix', () => {
    expect(plan.patterns.user.source).toBe('app:user:<id>')
    expect(plan.patterns.cart.format({ id: 7 })).toBe('app:cart:{7}')
    expect(plan.warnings).toEqual([])
  })

  test('is inert, frozen and known as a plan', () => {
    expect(Object.isFrozen(plan)).toBe(true)
    expect(Object.isFrozen(plan.namespaces)).toBe(true)
    expect(Object.isFrozen(plan.patterns)).toBe(true)
    expect(isPlan(plan)).toBe(true)
    expect(isPlan({ ...plan })).toBe(false)
    expect(isPlan(undefined)).toBe(false)
  })

  test('can be bound to another prefix', () => {
    const other = withPrefix(plan, 'staging:')
    expect(other.prefix).toBe('staging:')
    expect(other.patterns.user.source).toBe('staging:user:<id>')
    expect(other.namespaces.user).toBe(plan.namespaces.user)
    expect(plan.patterns.user.source).toBe('app:user:<id>')
    expect(withPrefix(plan, 'app:')).toBe(plan)
    expect(() => withPrefix(plan, '<tenant>:')).toThrow(KeyplanError)
  })

  test('may put every key into one slot', () => {
    const one = definePlan('app', { user: declared('user:<id>') }, { prefix: '{app}:' })
    expect(one.patterns.user.tagged).toBe(true)
  })
})

describe('problems', () => {
  test.each<[string, Record<string, unknown>, string]>([
    ['an empty plan', {}, 'the plan is empty'],
    ['a namespace named then', { [thenable]: declared('a') }, "then: cannot be named 'then'"],
    ['a namespace that begins with $', { $user: declared('a') }, "$user: begins with '$'"],
    ['a namespace with a dash', { 'user-profile': declared('a') }, 'user-profile: is not a usable name'],
    ['a namespace that begins with a digit', { '1st': declared('a') }, '1st: is not a usable name'],
    ['a namespace named as every object', { toString: declared('a') }, 'toString: is a name every object has'],
    ['something that is no declaration', { user: 'user:<id>' }, 'user: is not a declaration'],
    ['null', { user: null }, 'user: is not a declaration'],
    ['a pattern that is no text', { user: declared(5 as unknown as string) }, "the pattern '5' is a number"],
    ['a malformed pattern', { user: declared('user:<a><b>') }, 'where <a> ends and <b> begins'],
    ['a pattern that is empty', { user: declared('') }, "user: the pattern '' is empty"],
    ['a problem of the declaration', { user: declared('a', {}, { problems: ['ttl is wrong'] }) }, 'user: ttl is wrong'],
    ['an unknown hashed name', { user: declared('a:<b>', { hashed: ['c'] }) }, "declares 'c' hashed"],
    ['hashed that is no list', { user: declared('a:<b>', { hashed: 'b' as never }) }, "hashed is 'b'"],
    ['a share above 1', { user: declared('a', { minHitRatio: 70 }) }, 'minHitRatio is 70; give a share from 0 to 1'],
    ['a share that is NaN', { user: declared('a', { minHitRatio: Number.NaN }) }, 'minHitRatio is NaN'],
    ['a negative lag', { user: declared('a', { maxLag: -1 }) }, 'maxLag is -1'],
    ['a fraction of an entry', { user: declared('a', { maxPending: 1.5 }) }, 'maxPending is 1.5'],
    ['a depth without a number', { user: declared('a', { maxDepth: '5' as never }) }, "maxDepth is '5'"],
    [
      'a budget that is no object',
      { user: declared('a', { budget: 5 as never }) },
      'budget is a number; write an object with keys, bytes',
    ],
    ['a budget of a fraction', { user: declared('a', { budget: { keys: 0.5 } }) }, 'budget.keys is 0.5'],
    ['a budget in bad bytes', { user: declared('a', { budget: { bytes: '2 TB' as Size } }) }, "budget.bytes is '2 TB'"],
    ['a doc that is no text', { user: declared('a', { doc: 5 as never }) }, 'doc is 5'],
    ['an owner that is no text', { user: declared('a', { owner: {} as never }) }, 'owner is an object'],
    ['a foreign kind that is missing', { bull: foreign('bull:<q>', {} as never) }, 'bull: needs a kind'],
    ['a foreign durability', { bull: foreign('b', { kind: 'x', durability: 'y' as never }) }, "durability is 'y'"],
    ['a foreign space', { bull: foreign('b', { kind: 'x', space: 'y' as never }) }, "space is 'y'"],
  ])('%s', (_, namespaces, problem) => {
    expect(problemsOf(namespaces).join('\n')).toContain(problem)
  })

  test.each<[string, unknown, string]>([
    ['a parameter', '<tenant>:', 'must be literal text'],
    ['a control character', 'a\n:', 'control character'],
    ['a stray brace', '{a:', 'stray brace'],
    ['no text', 5, 'prefix is a number'],
  ])('a prefix that holds %s', (_, prefix, problem) => {
    const found = problemsOf({ user: declared('a') }, { prefix: prefix as string })
    expect(found).toHaveLength(1)
    expect(found[0]).toContain(problem)
  })

  test.each(['', '1app', 'my app', 'a:b', 5 as unknown as string])('the name %j', name => {
    expect(problemsOf({ user: declared('a') }, {}, name)[0]).toContain("the plan's name")
  })

  test('a pattern that repeats the prefix gets the fix', () => {
    expect(problemsOf({ user: declared('app:user:<id>') }, { prefix: 'app:' })).toEqual([
      "user: the pattern 'app:user:<id>' repeats the plan's prefix; write 'user:<id>'",
    ])
  })

  test('all are reported at once, each by itself', () => {
    const found = problemsOf({
      [thenable]: declared('a:<b'),
      user: declared('user:<id>', { minHitRatio: 2 }),
      profile: declared('user:<name>'),
      text: 'text',
    })
    expect(found).toHaveLength(5)
  })
})

describe('overlaps', () => {
  test('are named with a key that both can produce', () => {
    expect(
      problemsOf({ user: declared('user:<id>'), admin: declared('user:admin'), other: declared('other') }),
    ).toEqual([
      "user and admin: the patterns 'user:<id>' and 'user:admin' can both produce the key 'user:admin'; begin each with its own text",
    ])
  })

  test('keys and channels are two spaces', () => {
    const channel = declared('user:<id>', {}, { space: 'channel' })
    expect(problemsOf({ user: declared('user:<id>'), news: channel })).toEqual([])
    expect(problemsOf({ news: channel, more: channel })[0]).toContain("the channel 'user:A'")
  })

  test('helper keys count', () => {
    const whole = { user: declared('user:<id>'), tagged: declared('{user:<id>}') }
    expect(problemsOf(whole)[0]).toContain("'{user:A}:~")
    const adopted = { cart: declared('cart:{<id>}'), rest: foreign('cart:<id>:<rest...>', { kind: 'hand-made' }) }
    expect(problemsOf(adopted)[0]).toContain('cart and rest')
    expect(problemsOf({ cart: declared('cart:{<id>}'), item: declared('cart:{<id>}:<rest...>') })).toEqual([])
  })
})

describe('warnings', () => {
  test('a prefix without a separator, and braces where a parameter was probably meant', () => {
    const plan = definePlan('app', { lock: declared('locks:{recordId}') }, { prefix: 'app' })
    expect(plan.warnings).toHaveLength(2)
    expect(plan.warnings[0]).toContain("'app:'")
    expect(plan.warnings[1]).toContain('lock: ')
    expect(plan.warnings[1]).toContain('<recordId>')
  })
})

describe('options that nobody knows', () => {
  const value = json()
  test.each<[string, unknown, string[]]>([
    ['a cache', cache('a:<id>', { ttl: '1m', value, tll: '5m' } as never), ['tll is not an option; did you mean ttl?']],
    [
      'a cache',
      cache('a', { ttl: '1m', value, whenDwn: 'fail' } as never),
      ['whenDwn is not an option; did you mean whenDown?'],
    ],
    ['a cache', cache('a', undefined as never), ['the options are undefined; write an object with ttl, value']],
    ['a lock', lock('a', { ttl: '1m', Renew: false } as never), ['Renew is not an option; did you mean renew?']],
    ['a lock', lock('a', { ttl: '1m', sterile: 1 } as never), ['sterile is not an option']],
    [
      'a lock',
      lock('a', { ttl: '1m', retry: { atempts: 3, wait: '1s' } } as never),
      ['retry.atempts is not an option; did you mean retry.attempts?', 'retry.wait is not an option'],
    ],
    [
      'a lock',
      lock('a', { ttl: '1m', retry: 3 } as never),
      ['retry is a number; write an object with attempts, delay'],
    ],
    ['a lock', lock('a', { ttl: '1m', renew: 'no' } as never), ["renew is 'no'; write true or false"]],
    ['a lock', lock('a', 'ttl' as never), ['the options are a string']],
    [
      'a limit',
      rateLimit('a', { limit: 5, window: '1m', algoritm: 'x' } as never),
      ['algoritm is not an option; did you mean algorithm?'],
    ],
    ['a limit', rateLimit('a', null as never), ['the options are null']],
    [
      'foreign keys',
      foreign('a', { kind: 'x', hashed: [], onwer: 'me' } as never),
      ['onwer is not an option; did you mean owner?'],
    ],
    [
      'a budget',
      lock('a', { ttl: '1m', budget: { key: 5 } } as never),
      ['budget.key is not an option; did you mean budget.keys?'],
    ],
    [
      'a codec',
      cache('a', { ttl: '1m', value: compressed(value, { above: '2 kb', algoritm: 'gzip' } as never) }),
      [
        'compressed().algoritm is not an option; did you mean compressed().algorithm?',
        "compressed().above is '2 kb'; write a size",
      ],
    ],
    [
      'a codec',
      cache('a', { ttl: '1m', value: versioned(value, { versoin: 2 } as never) }),
      ['versioned().versoin is not an option; did you mean versioned().version?'],
    ],
  ])('of %s are reported with what was meant: %#', (_, declaration, problems) => {
    const found = problemsOf({ user: declaration })
    for (const problem of problems) expect(found.join('\n')).toContain(`user: ${problem}`)
  })

  test('of the plan itself are reported too', () => {
    const user = declared('a')
    expect(problemsOf({ user }, { prefx: 'a:' } as never)).toEqual([
      'options.prefx is not an option; did you mean options.prefix?',
    ])
    expect(problemsOf({ user }, 'a:' as never)).toEqual(['options is a string; write an object with prefix'])
    expect(problemsOf('user' as never)).toEqual(['the namespaces are a string; write an object of declarations'])
  })

  test('a length of time is shown as it was written', () => {
    expect(problemsOf({ user: cache('a', { ttl: '10 mins' as never, value }) })).toEqual([
      "user: ttl is '10 mins'; write a length of time such as '30s' or '5m'",
    ])
    expect(problemsOf({ user: lock('a', { ttl: 5000 as never }) })).toEqual([
      "user: ttl is 5000; write a length of time such as '30s' or '5m'",
    ])
  })
})

test('foreign keys are declared without a client and matched as they stand', () => {
  const bull = foreign('bull:<queue>:<rest...>', { kind: 'bullmq', owner: 'mail', maxDepth: 100 })
  const plan = definePlan('app', { bull })
  expect(isForeign(plan.namespaces.bull)).toBe(true)
  expect(bull).toMatchObject({ durability: 'durable', space: 'key', facts: { of: 'bullmq' }, problems: [] })
  expect(plan.patterns.bull.match('bull:{mail}:events')).toEqual({ queue: '{mail}', rest: 'events' })
})
