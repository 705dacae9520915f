import { type Cluster, keySlot, startCluster } from '@keyplan/local'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTarget, sender, until } from '../live-server.ts'
import { tagsOf } from './cluster-tags.ts'

let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster({ replicas: 0 })
}, 60_000)
afterAll(() => cluster.stop())

test('a call that waits for data gets it while its slot moves, and after', { timeout: 60_000 }, async () => {
  const addresses = cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port }))
  await using live = openTarget({ topology: 'cluster', addresses })
  const send = sender(live)
  await until(() => live.connection.state === 'ready')
  const [[from, tag], [to]] = (await tagsOf(cluster)) as [
    Awaited<ReturnType<typeof tagsOf>>[0],
    Awaited<ReturnType<typeof tagsOf>>[0],
  ]
  const list = `{${tag}}:list`
  const pop = () => live.redis.block('blpop', sliceMs => [list, sliceMs / 1_000], { wait: 20_000 })
  // Something is left behind, so that the slot is neither here nor there.
  for (const name of ['a', 'b', 'c', 'd']) await send('set', [`{${tag}}:${name}`, name])
  const move = await cluster.moveSlot(keySlot(`{${tag}}`), to, { half: true })

  const popped = pop()
  await until(async () => /errorstat_ASK/.test(String(await from.ask('INFO', 'errorstats'))))
  await until(async () => / cmd=blpop /.test(String(await to.ask('CLIENT', 'LIST'))))
  await send('rpush', [list, 'while it moves'])
  expect(await popped).toEqual([list, 'while it moves'])

  const later = pop()
  await move.finish()
  await send('rpush', [list, 'after'])
  expect(await later).toEqual([list, 'after'])
})
