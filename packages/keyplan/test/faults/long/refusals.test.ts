import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createAuthority, type RedisProcess, startRedis, startReplicated } from '@keyplan/local'
import { expect, onTestFinished, test } from 'vitest'
import type { ConnectOptions } from '../../../src/config/options.ts'
import { becomes, open, refusals } from '../client-under-fault.ts'
import { median, report } from '../figures.ts'
import { openLedger } from '../ledger.ts'

/** A state in which the server refuses, how it begins and ends, and what the client is told of it. */
interface Fault {
  readonly server: RedisProcess
  readonly told: string
  begin(): Promise<unknown>
  end(): Promise<unknown>
  readonly options?: ConnectOptions
}

const seconds = 2

/** Writers that never rest, through five rounds of the fault: what they lose, and how soon they are served after it. */
async function measure(name: string, { server, told, begin, end, options }: Fault): Promise<void> {
  using ledger = openLedger()
  const { client } = await open(server.url, { deadline: '30s', backoff: { min: '50ms', max: '2s' }, ...options })
  const before = await refusals(server, told)
  const healed: number[] = []
  let last = 0
  let on = true
  const writers = Promise.all(
    Array.from({ length: 10 }, async (_, writer) => {
      for (let index = 0; on; index++) {
        const id = `${writer}/${index}`
        const ended = await ledger.run(id, () => client.$command('hincrby', [name, id, 1]))
        if (ended === 'done') last = performance.now()
        await sleep(2)
      }
    }),
  )
  for (let round = 0; round < 5; round++) {
    await sleep(500)
    await begin()
    await sleep(seconds * 1_000)
    const ending = performance.now()
    await end()
    await becomes(() => last > ending)
    healed.push(last - ending)
  }
  on = false
  await writers
  const all = (await server.ask('HGETALL', name)) as string[]
  const counts = new Map(
    all.flatMap((id, index) => (index % 2 === 0 ? [[id, all[index + 1]]] : [])) as [string, string][],
  )
  const lost = ledger.ids('done').filter(id => !counts.has(id)).length
  const ghosts = ledger.ids('failed').filter(id => counts.has(id)).length
  const doubled = [...counts.values()].filter(count => count !== '1').length
  report(`${name}: five times ${seconds} s`, {
    done: ledger.ids('done').length,
    failed: ledger.ids('failed').length,
    unknown: ledger.ids('unknown').length,
    lost,
    ghosts,
    doubled,
    refusals: (await refusals(server, told)) - before,
    'served after ms, median': median(healed),
    worst: Math.max(...healed),
    breaker: client.$status.breaker,
  })
  expect([lost, ghosts, doubled, ledger.open().length]).toEqual([0, 0, 0, 0])
  expect((await refusals(server, told)) - before).toBeGreaterThan(0)
  expect(ledger.ids('failed')).toEqual([])
}

async function started(options: Parameters<typeof startRedis>[0] = {}): Promise<RedisProcess> {
  const server = await startRedis(options)
  onTestFinished(server.cleanUp)
  return server
}

test('maxmemory', async () => {
  const server = await started()
  await measure('OUT_OF_MEMORY', {
    server,
    told: 'OOM',
    begin: () => server.ask('CONFIG', 'SET', 'maxmemory', '1'),
    end: () => server.ask('CONFIG', 'SET', 'maxmemory', '0'),
  })
})

test('a runaway script', async () => {
  const server = await started({ args: { 'busy-reply-threshold': 50 } })
  const admin = await server.connect()
  onTestFinished(admin.close)
  let runaway: Promise<unknown>
  await measure('BUSY', {
    server,
    told: 'BUSY',
    async begin() {
      runaway = admin.ask('EVAL', 'while true do end', '0')
    },
    async end() {
      await server.ask('SCRIPT', 'KILL')
      await runaway
    },
  })
})

test('a master without its replica, and one that is a replica itself', async () => {
  const pair = await startReplicated()
  onTestFinished(pair.stop)
  const { master, replicas } = pair
  const [replica] = replicas
  await measure('NO_REPLICAS', {
    server: master,
    told: 'NOREPLICAS',
    begin: () => master.ask('CONFIG', 'SET', 'min-replicas-to-write', '2'),
    end: () => master.ask('CONFIG', 'SET', 'min-replicas-to-write', '0'),
  })
  await replica!.ask('REPLICAOF', 'NO', 'ONE')
  await measure('READONLY', {
    server: master,
    told: 'READONLY',
    // Of a master that is not there: the data stay as they are.
    begin: () => master.ask('REPLICAOF', '127.0.0.1', '1'),
    end: () => master.ask('REPLICAOF', 'NO', 'ONE'),
  })
})

test('a password that is refused for a while', async () => {
  const server = await started({ users: [{ name: 'app', password: 'right', rules: '~* &* +@all' }] })
  const { client, told } = await open(server.urlAs('app'))
  const unreachable = told('unreachable')
  const healed: number[] = []
  for (let round = 0; round < 5; round++) {
    await server.ask('ACL', 'SETUSER', 'app', 'resetpass', '>wrong')
    await server.ask('CLIENT', 'KILL', 'USER', 'app')
    await becomes(() => client.$status.error?.code === 'AUTH_FAILED')
    await sleep(seconds * 1_000)
    await server.ask('ACL', 'SETUSER', 'app', '>right')
    const begun = performance.now()
    await becomes(() => client.$status.state === 'connected')
    healed.push(performance.now() - begun)
  }
  report('AUTH_FAILED: five times 2 s', {
    events: unreachable.length,
    'connected after ms, median': median(healed),
    worst: Math.max(...healed),
  })
  expect(await client.$command('ping')).toBe('PONG')
})

test('a certificate that has expired for a while', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'keyplan-tls-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const authority = await createAuthority(folder)
  const server = await started({ tls: { authority } })
  const [good, bad] = await Promise.all([
    authority.issue({ names: ['127.0.0.1'] }),
    authority.issue({ names: ['127.0.0.1'], expired: true }),
  ])
  const show = ({ certificateFile, keyFile }: typeof good) =>
    server.ask('CONFIG', 'SET', 'tls-cert-file', certificateFile, 'tls-key-file', keyFile)
  const { client } = await open(server.url, { tls: { ca: authority.certificate } })
  const healed: number[] = []
  for (let round = 0; round < 5; round++) {
    await show(bad)
    expect(await client.$command('ping')).toBe('PONG')
    await server.ask('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    await becomes(() => client.$status.error?.code === 'TLS_FAILED')
    await sleep(seconds * 1_000)
    await show(good)
    const begun = performance.now()
    await becomes(() => client.$status.state === 'connected')
    healed.push(performance.now() - begun)
  }
  report('TLS_FAILED: five times 2 s', { 'connected after ms, median': median(healed), worst: Math.max(...healed) })
})
