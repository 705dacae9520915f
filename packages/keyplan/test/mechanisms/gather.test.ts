import { expect, test, vi } from 'vitest'
import { createGather } from '../../src/mechanisms/gather.ts'

const doubled = () => vi.fn(async (items: readonly number[]) => items.map(item => item * 2))
const denied = new Error('denied')

test('calls of one turn share a store call, and each gets its own result', async () => {
  const run = doubled()
  const gather = createGather({ max: 32, run })
  expect(await Promise.all([1, 2, 3].map(gather.add))).toEqual([2, 4, 6])
  expect(run.mock.calls).toEqual([[[1, 2, 3]]])
  expect(await gather.add(4)).toBe(8)
  expect(run).toHaveBeenCalledTimes(2)
})

test('calls made by the promise callbacks of a turn belong to it', async () => {
  const run = doubled()
  const gather = createGather({ max: 32, run })
  await Promise.all([1, 2, 3].map(item => Promise.resolve(item).then(gather.add)))
  expect(run).toHaveBeenCalledTimes(1)
})

test('a batch holds at most so many, in the order they came', async () => {
  const run = doubled()
  const gather = createGather({ max: 4, run })
  const items = Array.from({ length: 10 }, (_, index) => index)
  expect(await Promise.all(items.map(gather.add))).toEqual(items.map(item => item * 2))
  expect(run.mock.calls.map(([batch]) => batch)).toEqual([
    [0, 1, 2, 3],
    [4, 5, 6, 7],
    [8, 9],
  ])
})

test('a key is asked for once in a batch, and again in the next', async () => {
  const run = doubled()
  const gather = createGather<number, number>({ max: 2, run, key: String })
  const settled: number[] = []
  const asked = [1, 1, 1, 2, 1].map(item => gather.add(item).then(result => settled.push(result)))
  await Promise.all(asked)
  expect(run.mock.calls).toEqual([[[1, 2]], [[1]]])
  expect(settled.sort()).toEqual([2, 2, 2, 2, 4])
})

test('what is flushed leaves before what follows', async () => {
  const order: string[] = []
  const gather = createGather<string, void>({
    max: 32,
    async run(items) {
      order.push(items.join())
      return []
    },
  })
  const first = gather.add('read')
  gather.flush()
  order.push('write')
  const second = gather.add('read again')
  gather.flush()
  gather.flush()
  await Promise.all([first, second])
  expect(order).toEqual(['read', 'write', 'read again'])
})

test('an item whose result is an error fails alone', async () => {
  const gather = createGather<number, number>({
    max: 32,
    run: async items => items.map(item => (item === 2 ? denied : item)),
  })
  const results = await Promise.allSettled([1, 2, 3].map(gather.add))
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
})

test('a failure of the whole is everyones, unless single items may be at fault: then each is asked alone', async () => {
  const run = vi.fn(async (items: readonly number[]): Promise<number[]> => {
    if (items.includes(2)) throw denied
    return [...items]
  })
  const whole = createGather({ max: 32, run })
  const failed = await Promise.allSettled([1, 2, 3].map(whole.add))
  expect(failed.map(result => result.status === 'rejected' && result.reason)).toEqual([denied, denied, denied])
  expect(run).toHaveBeenCalledTimes(1)

  run.mockClear()
  const single = createGather({ max: 32, run, key: String, separable: error => error === denied })
  const results = await Promise.allSettled([1, 2, 3, 2].map(single.add))
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected'])
  expect(run.mock.calls.map(([items]) => items)).toEqual([[1, 2, 3], [1], [2], [3]])
})
