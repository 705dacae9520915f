import { type RedisProcess, startProxy, startRedis } from '@keyplan/local'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { until } from '../../live-server.ts'
import { expiredIn, figuresOf, joinAll, leasesEnd, listen, openRegistry, startMembers } from '../registry-clients.ts'

let server: RedisProcess
beforeEach(async () => {
  server = await startRedis({ appendonly: true, args: { appendfsync: 'always' } })
})
afterEach(() => server.cleanUp())

test('a network that is cut for more than a lease for all: nobody who lives expires', async () => {
  await using proxy = await startProxy({ to: server.port })
  const through = `redis://127.0.0.1:${proxy.port}`
  const [one, two] = [await openRegistry(through), await openRegistry(through)]
  const members = [...(await joinAll(one, ['a', 'b'])), ...(await joinAll(two, ['c']))]
  const told = listen(two)
  await until(() => told.length === 3)
  await proxy.refuse()
  await leasesEnd(members)
  await until(() => figuresOf(one).failedBeats > 0 && figuresOf(two).failedBeats > 0)
  await proxy.pass()
  await until(() => one.$status.state === 'connected' && two.$status.state === 'connected')
  await until(async () => (await two.agents.count()) === 3)
  const { beats } = figuresOf(one)
  // Longer than everybody was given to be heard again.
  await until(() => figuresOf(one).beats > beats + 15)
  expect(told).toHaveLength(3)
  expect([figuresOf(one).rejoined, figuresOf(two).rejoined, await one.agents.count()]).toEqual([0, 0, 3])
})

test.each(['refuse', 'blackhole'] as const)(
  'a process alone that is cut off (%s) expires, joins again as soon as it is back, and leaves no ghost',
  async cut => {
    await using proxy = await startProxy({ to: server.port })
    const [away, watcher] = [await openRegistry(`redis://127.0.0.1:${proxy.port}`), await openRegistry(server.url)]
    const [ann] = await joinAll(away, ['ann'])
    const told = listen(watcher)
    await until(() => told.length === 1)
    await proxy[cut]()
    const cutAt = performance.now()
    await until(() => told.length === 2)
    console.log(`${cut}: expired after ${Math.round(performance.now() - cutAt)} ms of a lease of 1 s`)
    expect([await watcher.agents.count(), ann!.remaining()]).toEqual([0, 0])
    await proxy.pass()
    await until(() => told.length === 3)
    expect(told).toEqual(['ann joined', 'ann expired', 'ann joined'])
    await until(() => ann!.remaining() > 0)
    expect(await watcher.agents.list()).toMatchObject([{ id: 'ann' }])
    await server.ask('FLUSHALL')
    await until(async () => (await watcher.agents.count('run')) === 1)
    expect(await watcher.agents.list()).toMatchObject([{ id: 'ann' }])
  },
)

test('an outage of 90 s, longer than every timer: all members are back within 3 s of it, and nobody expires', {
  timeout: 180_000,
}, async () => {
  await using proxy = await startProxy({ to: server.port })
  const through = `redis://127.0.0.1:${proxy.port}`
  const clients = [await openRegistry(through), await openRegistry(through), await openRegistry(through)]
  const ids = clients.map((_, at) => [0, 1, 2].map(n => `${at}-${n}`))
  const members = (await Promise.all(clients.map((client, at) => joinAll(client, ids[at]!)))).flat()
  const told = listen(clients[0]!)
  await until(() => told.length === 9)
  await proxy.refuse()
  await new Promise(resolve => setTimeout(resolve, 90_000))
  const back = performance.now()
  await proxy.pass()
  await until(() => members.every(member => member.remaining() > 0))
  console.log(`all members beat again ${Math.round(performance.now() - back)} ms after the outage`)
  await until(async () => (await clients[1]!.agents.count('run')) === 9)
  const { beats } = figuresOf(clients[0]!)
  await until(() => figuresOf(clients[0]!).beats > beats + 15)
  expect([expiredIn(told), clients.map(client => figuresOf(client).rejoined)]).toEqual([[], [0, 0, 0]])
})

test('forty random kills of members and the server: each death is told once, and nobody else dies', {
  timeout: 300_000,
}, async () => {
  const [one, two] = [await openRegistry(server.url), await openRegistry(server.url)]
  await joinAll(one, ['a', 'b', 'c'])
  const told = [listen(one), listen(two)]
  const died: string[] = []
  for (let round = 0; round < 40; round++) {
    const name = `m${round}-`
    const process = await startMembers(server.url, name, 3)
    if (round % 3 === 0) {
      await server.kill()
      process.kill('SIGKILL')
      await server.restart()
    } else process.kill('SIGKILL')
    died.push(...[0, 1, 2].map(n => `${name}${n} expired`))
  }
  await until(async () => (await two.agents.count()) === 3)
  await until(() => told.every(lines => expiredIn(lines).length >= died.length))
  for (const lines of told) expect(expiredIn(lines).sort()).toEqual(died.sort())
  console.log(
    `${died.length} members died, ${figuresOf(one).expired} and ${figuresOf(two).expired} were struck off by each`,
  )
})
