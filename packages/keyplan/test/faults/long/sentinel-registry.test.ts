import { startSentinel } from '@keyplan/local'
import { expect, onTestFinished, test } from 'vitest'
import { until } from '../../live-server.ts'
import { figuresOf, joinAll, listen, openRegistry, type RegistryClient } from '../registry-clients.ts'
import { successorOf } from '../successor.ts'

/** All members of these have been heard for longer than a lease. */
async function beatForALease(clients: readonly RegistryClient[]): Promise<void> {
  const heard = (client: RegistryClient) => figuresOf(client).beats - figuresOf(client).failedBeats
  const before = clients.map(heard)
  await until(() => clients.every((client, at) => heard(client) > before[at]! + 12))
}

test('six planned failovers and two kills of the master: members stay, nobody expires by it, and events go on', async () => {
  const topology = await startSentinel()
  onTestFinished(() => topology.stop())
  const open = () => openRegistry(topology.url)
  const [one, two, watcher] = [await open(), await open(), await open()]
  const [a] = await joinAll(one, ['a', 'b'])
  const [c] = await joinAll(two, ['c'])
  const told = listen(watcher)
  await until(() => told.length === 3)
  const expected = [...told]
  for (let round = 0; round < 8; round++) {
    const isKilled = round % 3 === 2
    const begun = performance.now()
    if (isKilled) {
      const master = await topology.master()
      await master.kill()
      await successorOf(topology, master)
      await until(() => [one, two, watcher].every(({ $status }) => $status.state === 'connected'))
      await master.restart()
    } else await topology.failover()
    await until(() => [a!, c!].every(member => member.remaining() > 1_000))
    console.log(
      `${isKilled ? 'kill' : 'failover'}: all members beat again ${Math.round(performance.now() - begun)} ms later`,
    )
    await a!.update({ metadata: { round } })
    const [guest] = await joinAll(two, [`guest${round}`])
    await beatForALease([one, two])
    expect(await watcher.agents.list('run')).toMatchObject(
      ['a', 'b', 'c', `guest${round}`].map(id => (id === 'a' ? { id, metadata: { round } } : { id })),
    )
    expect(await guest!.leave()).toBe(true)
    expected.push('a updated', `guest${round} joined`, `guest${round} left`)
    await until(() => told.length >= expected.length)
    expect(told).toEqual(expected)
    await topology.settled()
  }
  expect([figuresOf(one).rejoined, figuresOf(two).rejoined, figuresOf(watcher).gaps]).toEqual([0, 0, 0])
})
