import { expect, test } from 'vitest'
import { createHandover } from '../../src/base/handover.ts'
import { createInbox } from '../../src/base/inbox.ts'

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

/** An inbox whose consumer holds each item until it is told to go on. */
function held(limits: { count: number; bytes: number }) {
  const taken: number[] = []
  let goOn = () => {}
  let rooms = 0
  const inbox = createInbox<number>(
    limits,
    item => {
      taken.push(item)
      return new Promise(resolve => {
        goOn = resolve
      })
    },
    () => {
      rooms++
    },
  )
  return {
    inbox,
    taken,
    get rooms() {
      return rooms
    },
    async next() {
      goOn()
      await Promise.resolve()
    },
  }
}

test('one item is in hand, as many as there is room for wait, and more are refused', async () => {
  const { inbox, taken, next } = held({ count: 3, bytes: 100 })
  expect(upTo(6).map(item => inbox.put(item, 1))).toEqual([true, true, true, true, false, false])
  expect([taken, inbox.waiting]).toEqual([[1], 3])
  inbox.dropOldest()
  expect(inbox.put(7, 1)).toBe(true)
  for (let count = 0; count < 4; count++) await next()
  expect([taken, inbox.waiting]).toEqual([[1, 3, 4, 7], 0])
  expect(inbox.put(8, 1)).toBe(true)
  expect(taken.at(-1)).toBe(8)
})

test('bytes are bounded, save for one item that is alone', async () => {
  const { inbox, taken, next } = held({ count: 100, bytes: 10 })
  inbox.put(1, 1)
  expect([inbox.put(2, 50), inbox.put(3, 1)]).toEqual([true, false])
  await next()
  expect([inbox.put(4, 6), inbox.put(5, 4), inbox.put(6, 1)]).toEqual([true, true, false])
  for (let count = 0; count < 3; count++) await next()
  expect(taken).toEqual([1, 2, 4, 5])
})

test('room is told when half of it is free, not for each item', async () => {
  const one = held({ count: 100, bytes: 1_000 })
  for (const item of upTo(101)) one.inbox.put(item, 1)
  for (let count = 0; count < 49; count++) await one.next()
  expect(one.rooms).toBe(0)
  await one.next()
  expect(one.rooms).toBe(1)
})

test('what comes from within the consumer waits for it, in order, however much it is', () => {
  const taken: number[] = []
  let rooms = 0
  const inbox = createInbox<number>(
    { count: 2, bytes: 100 },
    item => {
      if (item === 1) for (const next of [2, 3, 4]) expect(inbox.put(next, 1)).toBe(next < 4)
      taken.push(item)
      return undefined
    },
    () => {
      rooms++
    },
  )
  inbox.put(1, 1)
  expect([taken, rooms]).toEqual([[1, 2, 3], 1])
})

test('a closed one gives nothing more', async () => {
  const { inbox, taken, next } = held({ count: 10, bytes: 100 })
  for (const item of upTo(3)) inbox.put(item, 1)
  inbox.close()
  await next()
  expect([taken, inbox.waiting, inbox.put(4, 1)]).toEqual([[1], 0, true])
})

test('a handover gives an item to who asks, and is done with it when the next is asked for', async () => {
  const handover = createHandover<number>(() => {})
  let done = 0
  const give = (item: number) => void handover.give(item).then(() => done++)
  give(1)
  expect(await handover.next()).toEqual({ done: false, value: 1 })
  expect(done).toBe(0)
  const asked = handover.next()
  await Promise.resolve()
  expect(done).toBe(1)
  give(2)
  expect(await asked).toEqual({ done: false, value: 2 })
})

test('a handover ends with its error, once, and then it is over', async () => {
  const handover = createHandover<number>(() => {})
  const pending = [handover.next(), handover.next()]
  handover.end(new Error('lost'))
  await expect(pending[0]).rejects.toThrow('lost')
  expect(await pending[1]).toEqual({ done: true, value: undefined })
  expect(await handover.next()).toEqual({ done: true, value: undefined })
  await handover.give(1)
})

test('who stops iterating lets go', async () => {
  let left = 0
  const handover = createHandover<number>(() => {
    left++
  })
  const given = handover.give(1)
  for await (const item of handover) {
    expect(item).toBe(1)
    break
  }
  await given
  expect(left).toBe(1)
})
