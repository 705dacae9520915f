import { expect, test } from 'vitest'
import { realClock } from '../../src/base/clock.ts'
import { connect } from '../../src/client/index.ts'
import type { LockOptions } from '../../src/index.ts'
import { definePlan, lock } from '../../src/index.ts'
import { lockNames } from '../../src/kinds/lock/names.ts'
import { createMember } from '../../src/kinds/lock/quorum/member.ts'
import { quorumScripts } from '../../src/kinds/lock/quorum/scripts.ts'
import { createClaim } from '../../src/mechanisms/lease/claim.ts'
import { parsePattern } from '../../src/plan/pattern/parse.ts'
import { expectGrowing } from '../conformance/lock.ts'
import { connectTo, until } from '../live-server.ts'
import { fiveServers, race } from './quorum-servers.ts'

const setup = fiveServers()
const { servers } = setup
const id = 'a'

const votes = async () => {
  const up = servers.filter(server => server.running)
  const found = await Promise.all(up.map(server => server.ask('EXISTS', 'lock:a')))
  return found.filter(count => count === 1).length
}

test('it is held by the votes of all, excludes others, and is given back on all', async () => {
  const [one, two] = [(await setup.open()).client, (await setup.open()).client]
  const held = (await one.locks({ id }).tryAcquire())!
  await until(async () => (await votes()) === 5)
  for (const server of servers) {
    expect(Number(await server.ask('PTTL', 'lock:a'))).toBeGreaterThan(0)
    await until(async () => (await server.ask('GET', '{lock:a}:~fence')) === String(held.fence))
    expect(Number(await server.ask('PTTL', '{lock:a}:~fence'))).toBeGreaterThan(29 * 86_400_000)
  }
  expect(held.remaining()).toBeLessThan(5_000 - 50)
  expect(await two.locks({ id }).tryAcquire()).toBeUndefined()
  const state = await two.locks({ id }).inspect()
  expect(state.locked).toBe(true)
  expect(state.remainingMs! > 0 && state.remainingMs! <= 5_000).toBe(true)
  expect(await held.extend('10s')).toBe(true)
  expect(held.remaining()).toBeGreaterThan(5_000)
  expect(await held.release()).toBe(true)
  expect(await held.release()).toBe(false)
  await until(async () => (await votes()) === 0)
  expect(await two.locks({ id }).isLocked()).toBe(false)
  expect((await two.locks({ id }).tryAcquire())!.fence).toBeGreaterThan(held.fence)
})

test('two clients race for it: never do two hold it, and every fence is larger than the one before', async () => {
  const { fences, won } = await race(100, setup)
  expectGrowing(fences)
  expect(Math.min(...won)).toBeGreaterThan(0)
})

test('a waiter is woken by a release, and run excludes', async () => {
  const [one, two] = [(await setup.open()).client, (await setup.open()).client]
  const held = (await one.locks({ id }).tryAcquire())!
  await held.extend('1h')
  const waiter = two.locks({ id }).run(({ fence }) => fence, { attempts: 2, delay: '30m' })
  await until(async () => Number(((await servers[2]!.ask('PUBSUB', 'NUMSUB', '{lock:a}:~wake')) as unknown[])[1]) > 0)
  await held.release()
  expect(await waiter).toBeGreaterThan(held.fence)
})

test('with two of five killed it works; with three it refuses, and what is held is lost before its time', async () => {
  const { client, notices } = await setup.open()
  await Promise.all([servers[1]!.kill(), servers[2]!.kill()])
  const held = (await client.short({ id }).acquire())!
  const before = held.remaining()
  await until(() => held.remaining() > before)
  expect(held.signal.aborted).toBe(false)
  expect(await client.short({ id }).isLocked()).toBe(true)
  expect(await client.short({ id }).tryAcquire()).toBeUndefined()

  const lost = new Promise(resolve => held.signal.addEventListener('abort', resolve))
  await servers[3]!.kill()
  await lost
  expect(held.signal.reason).toMatchObject({ code: 'LOCK_LOST' })
  expect(notices.some(({ type }) => type === 'lock-lost')).toBe(true)
  const refused = {
    code: 'DISCONNECTED',
    message: expect.stringContaining('3 of the 5 servers of the quorum of short'),
  }
  await expect(client.short({ id: 'b' }).tryAcquire()).rejects.toMatchObject(refused)
  await expect(client.short({ id }).inspect()).rejects.toMatchObject({ code: 'DISCONNECTED' })

  await servers[3]!.restart()
  await until(() =>
    client
      .short({ id: 'b' })
      .tryAcquire()
      .catch(() => undefined),
  )
})

test('servers that are frozen are done without, and have no say when they thaw', async () => {
  const [one, two] = [await setup.open(), await setup.open()]
  await Promise.all([servers[0]!.pause(), servers[4]!.pause()])
  const held = (await one.client.locks({ id }).acquire())!
  expect(await two.client.locks({ id }).tryAcquire()).toBeUndefined()
  servers[0]!.resume()
  servers[4]!.resume()
  await until(() => one.connected() === 5 && two.connected() === 5)
  expect(await two.client.locks({ id }).tryAcquire()).toBeUndefined()
  expect(held.signal.aborted).toBe(false)
  expect(await held.release()).toBe(true)
  expect((await two.client.locks({ id }).acquire())!.fence).toBeGreaterThan(held.fence)
})

test('votes that a minority lost do no harm; those of a majority end the lock', async () => {
  const { client } = await setup.open()
  const held = (await client.short({ id }).tryAcquire())!
  await Promise.all([servers[0]!.ask('DEL', 'short:a'), servers[3]!.ask('FLUSHALL')])
  const before = held.remaining()
  await until(() => held.remaining() > before)
  expect(held.signal.aborted).toBe(false)
  await servers[2]!.ask('DEL', 'short:a')
  await until(() => held.signal.aborted)
  expect(held.signal.reason).toMatchObject({ message: expect.stringContaining('it expired, was deleted or is held') })
  expect(await held.release()).toBe(false)
})

test('votes of a try that came to nothing are withdrawn', async () => {
  const { client } = await setup.open()
  for (const server of servers.slice(0, 3)) await server.ask('SET', 'lock:a', 'another', 'PX', '60000')
  expect(await client.locks({ id }).tryAcquire()).toBeUndefined()
  await until(async () => (await votes()) === 3)
  expect(await servers[4]!.ask('EXISTS', 'lock:a')).toBe(0)
})

test('a server that comes back empty can let a second holder in, unless it must have been up for a while', async () => {
  const [one, two] = [await setup.open(), await setup.open()]
  const majority = servers.slice(0, 3)
  // The first holder has the votes of three. One of them forgets, and with the other two that is a majority.
  const stage = async () => {
    await Promise.all(servers.slice(3).map(server => server.kill()))
    const held = (await one.client.locks({ id }).acquire())!
    // Its votes wait for the others a tenth of the time to live: what comes back earlier votes for it.
    const past = performance.now() + 600
    await until(() => performance.now() > past)
    await until(async () => (await Promise.all(majority.map(server => server.ask('EXISTS', 'lock:a')))).every(Boolean))
    await majority[0]!.kill()
    await Promise.all([majority[0]!.restart(), ...servers.slice(3).map(server => server.restart())])
    await until(() => two.connected() === 5)
    return held
  }
  const held = await stage()
  const second = (await two.client.locks({ id }).acquire())!
  expect(second).toBeDefined()
  // The hazard that the docs tell of. Even then the fence grows here: it is no smaller than the servers' clocks.
  expect(second.fence).toBeGreaterThan(held.fence)

  // Nobody has been up for an hour: nobody votes.
  const asked = two.client.careful({ id }).tryAcquire()
  await expect(asked).rejects.toMatchObject({
    code: 'DISCONNECTED',
    message: expect.stringContaining('restarted lately'),
  })
})

test('a vote that waited for its link does not count where the server was restarted meanwhile', async () => {
  const server = servers[1]!
  await using link = await connectTo(server.port, { scripts: quorumScripts })
  const hour = 3_600_000
  let ahead = 0
  const clock = { ...realClock, now: () => realClock.now() + ahead }
  const member = createMember(link.redis, lockNames(parsePattern('lock:<id>')), hour, clock)
  const claim = createClaim('one')
  const vote = () => member.vote({ expires: clock.now() + 20_000, hold: true, written: 0 }, 'lock:a', claim, 5_000)
  await expect(vote()).rejects.toMatchObject({ code: 'LOADING' })
  ahead += 2 * hour
  expect(await vote()).toMatchObject({ granted: true })

  await server.kill()
  await until(() => link.connection.state !== 'ready')
  claim.granted = false
  const held = vote().catch(error => error)
  await server.restart()
  expect(await held).toMatchObject({ code: 'LOADING' })
  expect(claim.granted).toBe(true)
  ahead += 2 * hour
  expect(await vote()).toMatchObject({ granted: true })
})

test('of the whole seconds that a server says it has been up, the last may have been but a moment', async () => {
  const server = servers[2]!
  await using link = await connectTo(server.port, { scripts: quorumScripts })
  const uptime = async () => Number(/uptime_in_seconds:(\d+)/.exec(String(await server.ask('INFO', 'server')))![1])
  const now = realClock.now()
  const clock = { ...realClock, now: () => now }
  const names = lockNames(parsePattern('lock:<id>'))
  const codeAfter = (restMs: number) => {
    const call = { expires: now + 20_000, hold: true, written: 0 }
    const voted = createMember(link.redis, names, restMs, clock).vote(call, 'lock:a', createClaim('one'), 5_000)
    return voted.then(
      () => 'granted',
      ({ code }) => code,
    )
  }
  const seen = await until(async () => {
    const seconds = await uptime()
    const codes = [await codeAfter(seconds * 1_000), await codeAfter((seconds - 1) * 1_000)]
    // Both were asked in one second.
    return seconds > 1 && (await uptime()) === seconds && codes
  })
  expect(seen).toEqual(['LOADING', 'granted'])
})

test('the fence grows on when the highest lies with servers that are away', async () => {
  const { client } = await setup.open()
  const far = BigInt(Date.now()) * 1_000n + 3_600_000_000n
  for (const server of servers.slice(0, 3)) await server.ask('SET', '{lock:a}:~fence', String(far))
  await Promise.all([servers[0]!.kill(), servers[1]!.kill()])
  expect((await client.locks({ id }).acquire())!.fence).toBe(far + 1n)
})

test('one leads', async () => {
  const [one, two] = [await setup.open(), await setup.open()]
  const campaigns = [one, two].map(({ client }) =>
    client.short({ id }).lead(({ signal }) => new Promise<void>(end => signal.addEventListener('abort', () => end()))),
  )
  for (let term = 0; term < 2; term++) {
    await until(() => campaigns.some(campaign => campaign.isLeader()))
    const leaders = campaigns.filter(campaign => campaign.isLeader())
    expect(leaders).toHaveLength(1)
    await leaders[0]!.stop()
  }
})

test('in memory it is a lock of this process', async () => {
  const plan = definePlan('alone', { locks: lock('lock:<id>', { ttl: '5s', quorum: true }) })
  await using client = await connect(plan, { memory: true, log: false })
  const held = (await client.locks({ id }).tryAcquire())!
  expect(await client.locks({ id }).tryAcquire()).toBeUndefined()
  expect(await held.release()).toBe(true)
})

test('what cannot be voted for is refused before anything is opened', async () => {
  const problemsOf = (options: Partial<LockOptions>) => lock('lock:<id>', { ttl: '5s', ...options } as never).problems
  expect(problemsOf({ quorum: true, whenDown: 'local' })).toEqual([
    "quorum needs whenDown: 'fail': a process that asks nobody has no majority",
  ])
  expect(problemsOf({ quorum: true, confirm: { replicas: 1 } })).toEqual([
    'confirm waits for the replicas of one server, and those of a quorum have none; leave it out',
  ])
  expect(problemsOf({ quorum: 3 as never })).toEqual(['quorum is 3; write true, false or { restartDelay }'])
  expect(problemsOf({ quorum: { restartDelay: 5 as never } })).toEqual([
    "quorum.restartDelay is 5; write a length of time such as '30s' or '5m'",
  ])
  expect(problemsOf({ quorum: { restartDelays: '5s' } as never })).toEqual([
    'quorum.restartDelays is not an option; did you mean quorum.restartDelay?',
  ])

  const plan = definePlan('votes', { payout: lock('lock:<id>', { ttl: '5s', quorum: true }) })
  await expect(connect(plan, { url: servers[0]!.url, log: false })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('payout is declared with quorum, and no servers vote: set servers.quorum'),
  })
})
