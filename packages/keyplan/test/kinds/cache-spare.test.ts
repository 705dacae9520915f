import { expect, test } from 'vitest'
import type { Call } from '../../src/base/call.ts'
import { realClock } from '../../src/base/clock.ts'
import { createMemoryCacheStore } from '../../src/kinds/cache/memory.ts'
import { createSpare } from '../../src/kinds/cache/spare.ts'

const call: Call = { expires: Number.POSITIVE_INFINITY, hold: false, written: 0 }
const memory = () => createMemoryCacheStore(realClock)

/** What stands in for two servers: keys and tags are of that of their first letter, unless it has moved. */
function spareOfTwo() {
  const moved = new Map<string, string>()
  const spare = createSpare(memory(), key => moved.get(key) ?? key[0]!)
  const answering = spare.relievedBy(memory())
  const kept = async (...keys: string[]) => (await spare.store.read(call, keys, [])).values
  return { spare, answering, kept, moved }
}

test('a server that answers ends what was kept for it, and for no other', async () => {
  const { spare, answering, kept } = spareOfTwo()
  for (const key of ['a1', 'a2', 'b1']) await spare.store.write(call, key, key, 60_000, [])
  const before = ['a1', 'b1'].map(spare.reliefs)
  await answering.read(call, ['a9'], [])
  expect(await kept('a1', 'a2', 'b1')).toEqual([null, null, 'b1'])
  expect(['a1', 'b1'].map(spare.reliefs)).toEqual([before[0]! + 1, before[1]])
  await spare.store.write(call, 'a1', 'again', 60_000, [])
  await answering.write(call, 'b9', 'x', 60_000, [])
  expect(await kept('a1', 'b1')).toEqual(['again', null])
  await answering.remove(call, ['a9', 'b9'])
  expect(await kept('a1')).toEqual([null])
})

test('what was kept is not served when another server has its key', async () => {
  const { spare, answering, kept, moved } = spareOfTwo()
  await spare.store.write(call, 'a1', 'old', 60_000, [])
  moved.set('a1', 'c')
  expect(await kept('a1')).toEqual([null])
  await answering.write(call, 'a1', 'new', 60_000, [])
  expect(await kept('a1')).toEqual([null])
})

test('a tag that is outdated and a namespace that is cleared concern what is kept for servers that do not answer', async () => {
  const { spare, answering, kept } = spareOfTwo()
  await spare.store.write(call, 'a1', 'x', 60_000, [])
  const tags = async () => (await spare.store.versions(call, ['b-tag']))[0]
  const before = await tags()
  await answering.outdate(call, ['b-tag'])
  expect(await kept('a1')).toEqual(['x'])
  expect(await tags()).not.toBe(before)
  const reliefs = spare.reliefs('a1')
  await answering.forget(call)
  expect(await kept('a1')).toEqual([null])
  expect(spare.reliefs('a1')).not.toBe(reliefs)
})
