import { type RedisProcess, startCluster, startSentinel, type Topology } from '@keyplan/local'
import { expect, it, onTestFinished } from 'vitest'
import { startEmbeddedDatabase } from '../dist/database/embedded.js'
import { ask, type InstanceUnderTest, type Reply, startInstance } from './support/instance.ts'
import { until } from './support/until.ts'

/** Two instances that are told the variables of a topology, and nothing else of it. */
async function startOn({ environment }: Topology): Promise<[InstanceUnderTest, InstanceUnderTest]> {
  const database = await startEmbeddedDatabase({ port: 0, dataFolder: undefined })
  onTestFinished(database.stop)
  const start = async () => {
    const instance = await startInstance({ ...environment, KUSHIM_EMBEDDED_URL: database.url })
    onTestFinished(instance.stop)
    return instance
  }
  return Promise.all([start(), start()])
}

const health = (instance: InstanceUnderTest) => ask(instance, 'GET', '/health/redis')

async function post(instance: InstanceUnderTest, externalId: string): Promise<string> {
  const body = { userId: 'ada', platform: 'gmail', dataSourceId: 'inbox', externalId, content: '@grace #paris' }
  const reply = await ask(instance, 'POST', '/records', { body })
  expect(reply).toMatchObject({ status: 201, body: { degraded: false } })
  return (reply.body.record as { id: string }).id
}

/** Whether it came from the cache, and how many records it holds. */
async function context(instance: InstanceUnderTest, id: string) {
  const { status, headers } = await ask(instance, 'GET', `/records/${id}/context`, { user: 'ada' })
  expect(status).toBe(200)
  return headers.get('x-cache')
}

/** Records share a lock and a cache across instances, and a change on one is seen by the other. */
async function serves([one, two]: readonly [InstanceUnderTest, InstanceUnderTest], round: string): Promise<void> {
  const first = await post(one, `${round}-1`)
  const second = await post(two, `${round}-2`)
  for (const id of [first, second]) {
    expect(await context(one, id)).toBe('miss')
    expect(await context(two, id)).toBe('hit')
  }
  const title = `Paris, ${round}`
  expect(await ask(one, 'PUT', `/records/${first}/context`, { user: 'ada', body: { title } })).toMatchObject({
    status: 200,
  })
  expect(await context(two, second)).toBe('miss')
  expect(await ask(two, 'GET', `/records/${first}/context`, { user: 'ada' })).toMatchObject({ body: { title } })
}

async function healed(instances: readonly [InstanceUnderTest, InstanceUnderTest]): Promise<void> {
  const isUp = ({ body }: Reply) => body.status === 'up'
  for (const instance of instances) await until(() => health(instance), isUp, 30_000)
  // What one has stored is served by the other only when that need no longer fear an invalidation it was not told of.
  for (const [from, to] of [instances, instances.toReversed()]) {
    let round = 0
    const handedOver = async () => {
      const path = `/users/user-${from!.pid}-${round++}/profile`
      await ask(from!, 'PUT', path, { body: { displayName: 'Somebody' } })
      await ask(from!, 'GET', path)
      return (await ask(to!, 'GET', path)).headers.get('x-cache')
    }
    await until(handedOver, answer => answer === 'hit', 30_000)
  }
}

interface Case {
  readonly topology: Topology
  /** The master to kill. */
  victim(): Promise<RedisProcess>
}

async function onSentinel(): Promise<Case> {
  const topology = await startSentinel()
  return { topology, victim: topology.master }
}

async function onCluster(tls: boolean): Promise<Case> {
  const topology = await startCluster({ tls })
  return { topology, victim: () => topology.ownerOf('{context_group:<userId>:<recordId>:<depth>}:~tag:user:ada') }
}

const cases: [name: string, start: () => Promise<Case>][] = [
  ['Sentinel', onSentinel],
  ['a Cluster', () => onCluster(false)],
  ['a Cluster with TLS', () => onCluster(true)],
]

it.each(cases)('serves on %s, and heals when a master is killed', async (_, start) => {
  const { topology, victim } = await start()
  onTestFinished(topology.stop)
  const instances = await startOn(topology)
  for (const instance of instances) {
    expect(await health(instance)).toMatchObject({ status: 200, body: { status: 'up', mode: 'redis' } })
  }
  await serves(instances, 'before')
  const master = await victim()
  await master.kill()
  for (const instance of instances) {
    const isIll = ({ body }: Reply) => body.status !== 'up'
    await until(() => health(instance), isIll)
    // Without its master it is slower, and still right.
    expect(await ask(instance, 'GET', '/users/nobody/profile')).toMatchObject({ status: 404 })
  }
  await healed(instances)
  expect(master.running).toBe(false)
  await serves(instances, 'after')
})
