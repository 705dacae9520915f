import { setImmediate as turn } from 'node:timers/promises'
import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished } from 'vitest'
import { connect } from '../../src/client/index.ts'
import { definePlan, isKeyplanError, lock } from '../../src/index.ts'
import type { Notice } from '../../src/kinds/kind.ts'
import { until } from '../live-server.ts'

const plan = definePlan('votes', {
  locks: lock('lock:<id>', { ttl: '5s', quorum: true }),
  short: lock('short:<id>', { ttl: '2s', quorum: true }),
  careful: lock('careful:<id>', { ttl: '5s', quorum: { restartDelay: '1h' } }),
})

/** Five servers that know nothing of each other, all running and empty before each test. */
export function fiveServers() {
  const servers: RedisProcess[] = []
  beforeAll(async () => {
    servers.push(...(await Promise.all(Array.from({ length: 5 }, () => startRedis()))))
  }, 60_000)
  afterAll(() => Promise.all(servers.map(server => server.cleanUp())))
  beforeEach(async () => {
    for (const server of servers) {
      server.resume()
      if (!server.running) await server.restart()
      await server.ask('FLUSHALL')
    }
  })

  /** A client with links to all of them that run. */
  async function open() {
    const url = servers[0]!.url
    const quorum = servers.map(server => server.url)
    const backoff = { min: '10ms', max: '50ms' } as const
    const client = await connect(plan, { url, servers: { quorum }, backoff, log: false })
    onTestFinished(() => client.$close())
    const notices: Notice[] = []
    client.$on('notice', notice => notices.push(notice))
    const connected = () => client.$status.nodes.slice(1).filter(({ state }) => state === 'connected').length
    const running = servers.filter(server => server.running).length
    await until(() => connected() === running)
    return { client, notices, connected }
  }
  return { servers, open }
}

/**
 * Two clients that race for one lock, until they have had it so many times. What is done under it is a read and a write
 * with time between them, which shows any two that overlap. Where too few servers answer they ask again.
 */
export async function race(rounds: number, { open }: ReturnType<typeof fiveServers>) {
  const clients = [(await open()).client, (await open()).client]
  let counter = 0
  const fences: bigint[] = []
  let inside = 0
  let most = 0
  const won = [0, 0]
  await Promise.all(
    clients.map(async (client, index) => {
      while (fences.length < rounds) {
        const held = await client.locks({ id: 'race' }).tryAcquire().catch(unavailable)
        if (!held) continue
        most = Math.max(most, ++inside)
        won[index]!++
        fences.push(held.fence)
        const before = counter
        await turn()
        counter = before + 1
        inside--
        await held.release().catch(unavailable)
      }
    }),
  )
  expect(most).toBe(1)
  expect(counter).toBe(fences.length)
  return { fences, won }
}

function unavailable(error: unknown): undefined {
  if (isKeyplanError(error, 'DISCONNECTED')) return undefined
  throw error
}
