import { startSentinel } from '@keyplan/local'
import { expect, onTestFinished, test } from 'vitest'
import { until } from '../live-server.ts'
import { expiredIn, figuresOf, joinAll, leasesEnd, listen, openRegistry, startMembers } from './registry-clients.ts'
import { successorOf } from './successor.ts'

test('a master that is killed, for longer than a lease: who lives stays, who died meanwhile expires once, events go on', {
  timeout: 60_000,
}, async () => {
  const topology = await startSentinel()
  onTestFinished(() => topology.stop())
  const open = () => openRegistry(topology.url)
  const [one, two, watcher] = [await open(), await open(), await open()]
  const dying = await startMembers(topology.url, 'dead', 2)
  const members = [...(await joinAll(one, ['a', 'b'])), ...(await joinAll(two, ['c']))]
  const told = listen(watcher)
  await until(() => told.length === 5)
  const master = await topology.master()
  await master.kill()
  dying.kill('SIGKILL')
  await leasesEnd(members)
  await successorOf(topology, master)
  await until(() => members.every(member => member.remaining() > 0))
  await joinAll(two, ['d'])
  // The dead go when everybody had a lease of time to be heard again: whoever was not would go with them.
  await until(() => expiredIn(told).length > 0 && told.length >= 8)
  expect(told.slice(5).sort()).toEqual(['d joined', 'dead0 expired', 'dead1 expired'])
  expect(await watcher.agents.list('run')).toMatchObject(['a', 'b', 'c', 'd'].map(id => ({ id })))
  expect([figuresOf(one).rejoined, figuresOf(two).rejoined]).toEqual([0, 0])
})
