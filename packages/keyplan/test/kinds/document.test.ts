import { describe, expect, test } from 'vitest'
import { document, json } from '../../src/index.ts'
import { mergePatch } from '../../src/kinds/document/merge-patch.ts'

type Options = Parameters<typeof document<'collab:<id>', unknown, unknown>>[1]

describe('a declaration', () => {
  test('has defaults', () => {
    const { durability, whenDown, facts, problems } = document('collab:<id>', { ttl: '1h', value: json() })
    expect({ durability, whenDown, facts, problems }).toEqual({
      durability: 'durable',
      whenDown: 'fail',
      facts: { ttl: '1h', renew: true, history: 0, poll: '30s', value: 'json', announce: null },
      problems: [],
    })
    expect(document('collab:<id>', { ttl: 'none', value: json() })).toMatchObject({ facts: { ttl: 'none' } })
  })

  test.each<[options: unknown, problem: string]>([
    [undefined, 'the options are undefined'],
    [{ value: json() }, 'ttl is undefined; write a length of time'],
    [{ ttl: '1h' }, 'the value is undefined; give a codec'],
    [{ ttl: '1h', value: json(), renew: 1 }, 'renew is 1; write true or false'],
    [{ ttl: '1h', value: json(), history: -1 }, 'history is -1; it must be a whole number from 0 to 1000'],
    [{ ttl: '1h', value: json(), poll: 30 }, 'poll is 30; write a length of time'],
    [{ ttl: '1h', value: json(), whenDown: 'memory' }, "whenDown is 'memory'; use 'fail'"],
    [{ ttl: '1h', value: json(), renews: true }, 'renews is not an option; did you mean renew?'],
  ])('of %o is refused', (options, problem) => {
    const { problems } = document('collab:<id>', options as Options)
    expect(problems).toEqual(expect.arrayContaining([expect.stringContaining(problem)]))
  })
})

describe('a merge patch', () => {
  // The test cases of RFC 7396, appendix A.
  test.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('%j with %j is %j', (target, patch, result) => {
    const before = JSON.stringify([target, patch])
    expect(mergePatch(target, patch)).toEqual(result)
    expect(JSON.stringify([target, patch])).toBe(before)
  })

  test('touches no prototype', () => {
    const merged = mergePatch({}, JSON.parse('{"__proto__": {"polluted": true}}'))
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
    expect(Object.getPrototypeOf(merged)).toBe(Object.prototype)
    expect(JSON.stringify(merged)).toBe('{"__proto__":{"polluted":true}}')
  })

  test('says so when a patch is nested without end, or too deeply', () => {
    const cyclic: { self?: unknown } = {}
    cyclic.self = cyclic
    const deep = JSON.parse(`${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`)
    for (const patch of [cyclic, deep]) {
      expect(() => mergePatch({}, patch)).toThrow(expect.objectContaining({ code: 'PARAM_INVALID' }))
    }
  })
})
