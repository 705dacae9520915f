import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createCopies, type Place } from '../../src/kinds/cache/copies.ts'

interface Numbered extends Place {
  readonly value: number
}
const place = (name: string, bytes = 1, value = 0): Numbered => ({
  name,
  bytes,
  value,
  visited: false,
  gone: false,
  newer: undefined,
  older: undefined,
})

test('the oldest that was not read goes first, and what was read is passed over once', () => {
  const gone: string[] = []
  const copies = createCopies<Numbered>(3, 100, ({ name }) => void gone.push(name))
  for (const name of ['a', 'b', 'c']) copies.add(place(name))
  copies.get('a')!.visited = true
  copies.add(place('d'))
  expect(gone).toEqual(['b'])
  copies.add(place('e'))
  expect(gone).toEqual(['b', 'c'])
  copies.add(place('f'))
  copies.add(place('g'))
  expect(gone).toEqual(['b', 'c', 'd', 'e'])
  expect(copies.get('a')).toBeDefined()
  for (const name of ['a', 'f', 'g']) copies.get(name)!.visited = true
  copies.add(place('h'))
  expect([gone.at(-1), copies.get('h')?.gone]).toEqual(['f', false])
})

test('bytes are bounded as well, and one that is too large is not kept', () => {
  const copies = createCopies<Numbered>(100, 10, () => {})
  copies.add(place('a', 6))
  copies.add(place('b', 4))
  expect(copies.size).toBe(2)
  copies.add(place('c', 5))
  expect([copies.get('a'), copies.get('b')?.bytes, copies.get('c')?.bytes]).toEqual([undefined, 4, 5])
  const large = place('b', 11)
  copies.add(large)
  expect([copies.get('b'), large.gone, copies.size]).toEqual([undefined, true, 1])
})

test('whatever is added, read, removed and cleared, it holds what a map with a bound would', () => {
  const name = fc.constantFrom(...'abcdefgh')
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('add' as const), name, bytes: fc.integer({ min: 1, max: 5 }) }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('read' as const), name }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), name }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('clear' as const) }) },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), steps => {
      const held = new Map<string, Numbered>()
      const copies = createCopies<Numbered>(4, 12, gone => {
        expect(held.get(gone.name)).toBe(gone)
        expect(gone.gone).toBe(true)
        held.delete(gone.name)
      })
      let value = 0
      for (const one of steps) {
        if (one.do === 'add') {
          const added = place(one.name, one.bytes, ++value)
          const before = held.get(one.name)
          copies.add(added)
          expect(before === undefined || before.gone).toBe(true)
          if (!added.gone) held.set(one.name, added)
        }
        if (one.do === 'read') {
          const found = copies.get(one.name)
          expect(found).toBe(held.get(one.name))
          if (found) found.visited = true
        }
        if (one.do === 'remove') {
          const found = copies.get(one.name)
          if (found) copies.remove(found)
        }
        if (one.do === 'clear') copies.clear()
        const bytes = [...held.values()].reduce((sum, each) => sum + each.bytes, 0)
        expect([copies.size, held.size <= 4, bytes <= 12]).toEqual([held.size, true, true])
        for (const each of held.values()) expect(copies.get(each.name)).toBe(each)
      }
    }),
    { numRuns: 500 },
  )
})
