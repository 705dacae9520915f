import { describe, expect, test } from 'vitest'
import { definePlan, json, registry, text, vector } from '../../src/index.ts'
import { eventOf, headOf, loadOf, loadText, memberOf, metadataText } from '../../src/kinds/registry/record.ts'

describe('a declaration', () => {
  test('has defaults', () => {
    const { durability, whenDown, facts, problems } = registry('agents:<id>', { metadata: json() })
    expect({ durability, whenDown, facts, problems }).toEqual({
      durability: 'durable',
      whenDown: 'unknown',
      facts: {
        lease: '30s',
        beat: '10s',
        metadata: 'json',
        index: [],
        keep: { count: 10_000, age: null, bytes: null },
        mirror: null,
        announce: null,
      },
      problems: [],
    })
    expect(registry('agents:<id>').problems).toEqual([])
    expect(registry('agents:<id>', { mirror: true })).toMatchObject({ facts: { mirror: '5m' } })
  })

  test.each<[options: unknown, problem: string]>([
    [null, 'the options are null'],
    [{ lease: 30 }, 'lease is 30; write a length of time'],
    [{ lease: '100ms' }, 'lease is 100ms; give 300ms to 7d'],
    [{ lease: '10s', beat: '6s' }, 'beat at least twice in it'],
    [{ metadata: 'json' }, 'the value is a string; give a codec'],
    [{ metadata: vector() }, 'events are text; use json()'],
    [{ index: { region: () => 'eu' } }, 'index is made of the metadata; declare that as well'],
    [{ metadata: json(), index: { region: 'eu' } }, 'index.region is a string; give a function'],
    [{ metadata: json(), index: { 'a,b': () => 'eu' } }, 'index has a field that is no name'],
    [{ keep: 0 }, 'keep is 0'],
    [{ mirror: { ttl: '10ms' } }, 'mirror.ttl is 10ms; give 1s or more'],
    [{ mirror: { life: '1m' } }, 'mirror.life is not an option'],
    [{ whenDown: 'memory' }, "whenDown is 'memory'; use 'unknown' or 'fail'"],
    [{ hashed: ['id'] }, "hashed names 'id', by which members are listed"],
    [{ leases: '30s' }, 'leases is not an option; did you mean lease?'],
  ])('of %o is refused', (options, problem) => {
    const { problems } = registry('agents:<id>', options as never)
    expect(problems).toEqual(expect.arrayContaining([expect.stringContaining(problem)]))
  })

  test('without a parameter names nobody', () => {
    expect(() => definePlan('p', { agents: registry('agents') })).toThrow("end it with a parameter: 'agents:<agentId>'")
  })
})

describe('what is written of a member', () => {
  test('orders loads as numbers, and gives them back', () => {
    const loads = [0, -0, Number.MIN_VALUE, 0.1, 1, 1.5, 2, 10, 1e9, Number.MAX_VALUE]
    const texts = loads.map(loadText)
    expect(texts).toEqual([...texts].sort())
    expect(texts.map(loadOf)).toEqual(loads.map(Math.abs))
    expect(texts.every(hex => /^[0-9a-f]{16}$/.test(hex))).toBe(true)
  })

  test.each([
    [json<unknown>(), { nested: ['\n', '"', '\u0000', 'ž', []] }],
    [text(), 'two\nlines "quoted"'],
    [undefined, undefined],
  ])('comes back as it was, from the list and from an event', (codec, metadata) => {
    const [id, capabilities] = ['a"\n\u0000', ['x,"y"\n']]
    const stored = metadataText(codec, metadata)
    const head = headOf(id, capabilities)
    const found = { joinedAt: 5, load: loadText(2), head, metadata: stored }
    expect(memberOf(codec, found)).toEqual({ id, capabilities, metadata, load: 2, joinedAt: 5 })
    const value = `{"type":"left","member":{${head},"metadata":${stored}}}`
    const event = { id: '7-0', at: 7, type: 'left', member: { id, capabilities, metadata } }
    expect(eventOf(codec, { id: '7-0', prev: undefined, value })).toEqual(event)
    expect(`${head}${stored}`).not.toContain('\n')
  })
})
