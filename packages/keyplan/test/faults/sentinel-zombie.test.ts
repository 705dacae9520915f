import { type SentinelTopology, startSentinel } from '@keyplan/local'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { audit, goOn, increments, ledgerOfTest, loop, open } from './failover-client.ts'
import { successorOf } from './successor.ts'

let topology: SentinelTopology
beforeAll(async () => {
  topology = await startSentinel()
}, 60_000)
afterAll(() => topology.stop())

test('a master that was frozen, replaced and woken gets no write, of a busy client or an idle one', {
  timeout: 60_000,
}, async () => {
  const { client } = await open({ url: topology.url })
  const idle = await Promise.all(Array.from({ length: 5 }, () => open({ url: topology.url })))
  const ledger = ledgerOfTest()
  const frozen = await topology.master()
  await frozen.pause()
  const busy = loop(ledger, 'raw-busy', increments(client))
  const successor = await successorOf(topology, frozen)

  frozen.resume()
  const loops = idle.map(({ client }, index) => loop(ledger, `raw-idle${index}`, increments(client)))
  const [role] = (await frozen.ask('ROLE')) as string[]
  await goOn([busy, ...loops])
  await Promise.all([busy, ...loops].map(({ stop }) => stop()))

  // It still takes itself for the master, and would have taken the writes.
  expect(role).toBe('master')
  const books = await audit(
    ledger,
    'raw-',
    async ids => (await successor.ask('MGET', ...ids.map(id => `raw:${id}`))) as unknown[],
  )
  expect(books.done).toBeGreaterThan(250)
  expect([books.lost, books.ghosts, books.doubled]).toEqual([[], [], []])
  for (const { client } of idle) expect(client.$status.server).toBe(`127.0.0.1:${successor.port}`)
})
