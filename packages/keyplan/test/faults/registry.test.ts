import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { until } from '../live-server.ts'
import { expiredIn, figuresOf, joinAll, leasesEnd, listen, openRegistry, startMembers } from './registry-clients.ts'

let server: RedisProcess
beforeEach(async () => {
  server = await startRedis({ appendonly: true, args: { appendfsync: 'always' } })
})
afterEach(() => server.cleanUp())

const open = () => openRegistry(server.url)

test('members of a process that is killed, stopped, or ended: each expiry is told once, and who comes back joins again', {
  timeout: 90_000,
}, async () => {
  const [one, two] = [await open(), await open()]
  const told = [listen(one), listen(two)]
  const [killed, stopped, ended] = await Promise.all([
    startMembers(server.url, 'killed', 120),
    startMembers(server.url, 'stopped', 3),
    startMembers(server.url, 'ended', 3),
  ])
  expect(await one.agents.count('run')).toBe(126)
  ended.kill('SIGTERM')
  expect(await ended.exit).toBe(0)
  expect(await one.agents.count()).toBe(123)
  killed.kill('SIGKILL')
  stopped.kill('SIGSTOP')
  await until(async () => (await two.agents.count()) === 0)
  await until(() => told.every(lines => expiredIn(lines).length === 123))
  stopped.kill('SIGCONT')
  await until(() => stopped.said.filter(({ rejoined }) => rejoined).length === 3)
  expect(await two.agents.count('run')).toBe(3)
  await until(() => told.every(lines => lines.length === 126 + 3 + 123 + 3))
  for (const lines of told) {
    expect(lines.filter(line => line.endsWith('left')).sort()).toEqual(['ended0 left', 'ended1 left', 'ended2 left'])
    expect(new Set(expiredIn(lines)).size).toBe(123)
  }
  expect(figuresOf(one).expired + figuresOf(two).expired).toBe(123)
})

test('a server that is killed and is back after more than a lease: all are listed at once, only who died expires', {
  timeout: 90_000,
}, async () => {
  const [one, two, watcher] = [await open(), await open(), await open()]
  const dying = await startMembers(server.url, 'dead', 5)
  const members = [...(await joinAll(one, ['a', 'b'])), ...(await joinAll(two, ['c']))]
  const told = listen(watcher)
  await until(() => told.length === 8)
  await server.kill()
  dying.kill('SIGKILL')
  await leasesEnd(members)
  expect(await watcher.agents.find('run')).toBe('unknown')
  await server.restart()
  await until(() => [one, two, watcher].every(({ $status }) => $status.state === 'connected'))
  // The dead cannot be told from those who have not beaten yet.
  expect(await watcher.agents.count()).toBe(8)
  await until(async () => (await watcher.agents.count()) === 3)
  await until(() => expiredIn(told).length === 5)
  expect(expiredIn(told).every(line => line.startsWith('dead'))).toBe(true)
  expect([figuresOf(one).rejoined, figuresOf(two).rejoined]).toEqual([0, 0])
  expect(await watcher.agents.list()).toMatchObject([{ id: 'a' }, { id: 'b' }, { id: 'c' }])
})

test('FLUSHALL: all members are back with the next beat, and those who follow hear of it', async () => {
  const [one, two, watcher] = [await open(), await open(), await open()]
  await joinAll(one, ['a', 'b'])
  await joinAll(two, ['c'])
  const told = listen(watcher)
  await until(() => told.length === 3)
  await server.ask('FLUSHALL')
  await until(async () => (await watcher.agents.count('run')) === 3)
  await until(() => told.length === 6)
  expect(told.slice(3).sort()).toEqual(['a joined', 'b joined', 'c joined'])
  expect([figuresOf(one).rejoined, figuresOf(two).rejoined]).toEqual([2, 1])
})
