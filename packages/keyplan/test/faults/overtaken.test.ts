import { expect, test } from 'vitest'
import { definePlan, document, feed, json } from '../../src/index.ts'
import { until } from '../live-server.ts'
import { serverBehindProxy } from './server-behind-proxy.ts'

const plan = definePlan('overtaken', {
  board: document('board:<id>', { ttl: '1h', value: json<{ by: string; also?: string }>(), history: 10 }),
  thoughts: feed('thoughts:<id>', { ttl: '1h', value: json<string>() }),
})

const faulty = serverBehindProxy(plan)

/** One whose replies can be lost, and another. */
const openBoth = async () => {
  const [one, other] = [await faulty.open(), await faulty.openDirect()]
  return { mine: one.board({ id: 1 }), theirs: other.board({ id: 1 }), one, other }
}

/** What becomes of a call that runs, whose reply is lost, and after which others do something before it may be sent again. */
async function lost<T>(
  call: () => Promise<T>,
  ran: () => Promise<boolean>,
  others = async () => {},
): Promise<T | string> {
  await faulty.proxy.swallowReplies()
  const outcome = call().catch(error => String(error.outcome))
  await until(ran)
  await until(() => faulty.proxy.totals.bytesSwallowed > 0)
  await others()
  await faulty.proxy.pass()
  return outcome
}

test('a set whose reply was lost is recognised, and happens once', async () => {
  const { mine, theirs } = await openBoth()
  await theirs.set({ by: 'them' })
  const ran = async () => (await theirs.get())?.by === 'me'
  const version = await lost(() => mine.set({ by: 'me' }), ran)
  expect(await theirs.read()).toEqual({ value: { by: 'me' }, version })
  expect((await theirs.history()).map(({ value }) => value)).toEqual([{ by: 'them' }])
})

test('a set whose reply was lost does not go over what others have written since', async () => {
  const { mine, theirs } = await openBoth()
  const ran = async () => (await theirs.get())?.by === 'me'
  const others = async () => {
    await theirs.update(board => ({ by: 'me', ...board, also: 'them' }))
  }
  expect(await lost(() => mine.set({ by: 'me' }), ran, others)).toBe('unknown')
  expect(await theirs.get()).toEqual({ by: 'me', also: 'them' })
  expect(await theirs.history()).toHaveLength(1)
})

test.each(['set', 'compareAndSet'] as const)(
  'what was created by %s and deleted by others does not come back by a repeat',
  async verb => {
    const { mine, theirs } = await openBoth()
    const call = () => (verb === 'set' ? mine.set({ by: 'me' }) : mine.compareAndSet(0, { by: 'me' }))
    const others = async () => {
      expect(await theirs.delete()).toBe(true)
    }
    expect(await lost<unknown>(call, async () => (await theirs.get()) !== undefined, others)).toBe('unknown')
    expect(await theirs.get()).toBeUndefined()
  },
)

test('a delete whose reply was lost is unknown, and leaves what others create since', async () => {
  const { mine, theirs } = await openBoth()
  await theirs.set({ by: 'them' })
  const others = async () => {
    expect(await theirs.compareAndSet(0, { by: 'others' })).toMatchObject({ done: true })
  }
  expect(
    await lost(
      () => mine.delete(),
      async () => (await theirs.get()) === undefined,
      others,
    ),
  ).toBe('unknown')
  expect(await theirs.get()).toEqual({ by: 'others' })
})

test('a deletion of a feed whose reply was lost is unknown, and leaves what others append since', async () => {
  const { one, other } = await openBoth()
  const [mine, theirs] = [one.thoughts({ id: 1 }), other.thoughts({ id: 1 })]
  await theirs.append('old')
  const others = async () => {
    await theirs.append('new')
  }
  expect(
    await lost(
      () => mine.delete(),
      async () => (await theirs.length()) === 0,
      others,
    ),
  ).toBe('unknown')
  expect((await theirs.tail(10)).map(({ value }) => value)).toEqual(['new'])
})
