import { type Cluster, keySlot, startCluster } from '@keyplan/local'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { channelKind } from '../../src/kinds/channel/kind.ts'
import { feedKind } from '../../src/kinds/feed/kind.ts'
import { channelConformance, openEvents, recorder } from '../conformance/channel.ts'
import { feedConformance, followed, openThoughts, upTo } from '../conformance/feed.ts'
import { openTarget, until } from '../live-server.ts'
import { channelHarness } from './channel-harness.ts'
import { feedHarness } from './feed-harness.ts'

/** What channels and feeds promise, they promise on a cluster: the same tests, on three masters. */
let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster({ replicas: 0 })
}, 60_000)
afterAll(() => cluster.stop())

const scripts = [...channelKind.scripts, ...feedKind.scripts]

async function connect() {
  const addresses = cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port }))
  const live = openTarget({ topology: 'cluster', addresses }, { scripts })
  await until(() => live.connection.state === 'ready')
  return live
}

/** What was published before has come to every node: on a busy machine one of them may still owe it to who listens next. */
async function delivered(): Promise<void> {
  const listeners = await Promise.all(
    cluster.nodes.map(async ({ port }) => {
      const link = new Redis(port, '127.0.0.1')
      const heard = new Set<string>()
      link.on('message', (_channel, node) => heard.add(node))
      await link.subscribe('delivered')
      return { link, heard }
    }),
  )
  await Promise.all(cluster.nodes.map((node, index) => node.ask('PUBLISH', 'delivered', String(index))))
  await until(() => listeners.every(({ heard }) => heard.size === cluster.nodes.length))
  for (const { link } of listeners) link.disconnect()
}
const empty = () => Promise.all([delivered(), ...cluster.nodes.map(node => node.ask('FLUSHALL'))])

channelConformance('a cluster', async () => {
  await empty()
  return channelHarness(connect)
})
feedConformance('a cluster', async () => {
  await empty()
  return feedHarness(async () => ({ server: await connect() }))
})

const thoughtsOf = async () =>
  openThoughts(
    feedHarness(async () => {
      const server = await connect()
      onTestFinished(() => server.close())
      return { server }
    }),
  )

test('feeds in more slots than there are links to wait on are all followed', async () => {
  await empty()
  const [reader, writer] = [await thoughtsOf(), await thoughtsOf()]
  const ids = Array.from({ length: 12 }, (_, index) => `slot${index}`)
  const followers = ids.map(id => followed(reader.thoughts({ id })))
  for (const n of upTo(30)) await Promise.all(ids.map(id => writer.thoughts({ id }).append({ n })))
  await until(() => followers.every(({ entries }) => entries.length === 30))
  for (const { numbers, gaps } of followers) expect([numbers, gaps]).toEqual([upTo(30), []])
  for (const { stop } of followers) await stop()
  await Promise.all([reader.close(), writer.close()])
})

test('a slot that moves takes its feed and its channels along: nothing is missing, nothing comes twice', {
  timeout: 60_000,
}, async () => {
  await empty()
  const [reader, writer] = [await thoughtsOf(), await thoughtsOf()]
  const harness = channelHarness(connect)
  const options = { reliable: { keep: 10_000 }, sharded: true }
  const [listener, publisher] = [await openEvents(harness, options), await openEvents(harness, options)]
  const heard = recorder()
  await listener.events({ topic: 'moving' }).subscribe(heard.handler, { gap: heard.gap })
  const follower = followed(reader.thoughts({ id: 'moving' }))

  let n = 0
  let over = false
  const publishing = (async () => {
    while (!over) {
      n++
      await publisher.events({ topic: 'moving' }).publish({ n })
      await writer.thoughts({ id: 'moving' }).append({ n })
    }
  })()
  for (const key of ['events:moving', 'thoughts:moving']) {
    const reached = n
    await until(() => n > reached + 30)
    const from = await cluster.ownerOf(key)
    const to = cluster.nodes.find(node => node !== from)!
    await cluster.moveSlot(keySlot(key), to)
  }
  const reached = n
  await until(() => n > reached + 30)
  over = true
  await publishing
  await until(() => heard.numbers.at(-1) === n && follower.numbers.at(-1) === n)
  expect([heard.numbers, heard.gaps]).toEqual([upTo(n), []])
  expect([follower.numbers, follower.gaps]).toEqual([upTo(n), []])
  await follower.stop()
  await harness.close()
})

test('feeds that are asked for in turn begin anew where a server is back at once without them, though its ids are lower', async () => {
  await empty()
  const [reader, writer] = [await thoughtsOf(), await thoughtsOf()]
  const ids = Array.from({ length: 4 }, (_, index) => `slot${index}`)
  const owner = await cluster.ownerOf('thoughts:slot0')
  const followers = ids.map(id => followed(reader.thoughts({ id })))
  const ahead = Date.now() + 3_600_000
  await Promise.all(ids.slice(1).map(id => writer.thoughts({ id }).append({ n: 1 })))
  await owner.ask('XADD', 'thoughts:slot0', `${ahead}-0`, 'p', '0-0', 'v', '{"n":1}')
  await until(() => followers.every(({ entries }) => entries.length === 1))
  // A wait that began while there were fewer is over now.
  await owner.ask('XADD', 'thoughts:slot0', `${ahead}-1`, 'p', `${ahead}-0`, 'v', '{"n":2}')
  await until(() => followers[0]!.entries.length === 2)
  await owner.ask('FLUSHALL')
  await owner.ask('CLIENT', 'KILL', 'TYPE', 'normal')
  // What was under way is lost with the link.
  await until(() =>
    writer
      .thoughts({ id: 'slot0' })
      .append({ n: 3 })
      .catch(() => undefined),
  )
  await until(async () => {
    await writer.thoughts({ id: 'slot0' }).append({ n: 4 })
    return followers[0]!.numbers.at(-1) === 4
  })
  expect(followers[0]!.gaps).toHaveLength(1)
  for (const { stop } of followers) await stop()
  await Promise.all([reader.close(), writer.close()])
})
