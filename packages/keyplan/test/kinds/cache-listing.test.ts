import { startRedis } from '@keyplan/local'
import { expect, test } from 'vitest'
import { connect } from '../../src/client/index.ts'
import { cache, definePlan, json } from '../../src/index.ts'

const plan = definePlan('listing', { value: cache('value:<id>', { ttl: '1m', value: json<number>() }) })

test('what is not of the namespace is not listed, nor what is owed to be removed', async () => {
  await using server = await startRedis()
  await using client = await connect(plan, { url: server.url, log: false })
  const listed = async () => {
    const ids = []
    for await (const { id } of client.value.keys()) ids.push(id)
    return ids.sort()
  }
  await client.value.setMany(['a', 'b', 'c'].map(id => ({ params: { id }, value: 1 })))
  for (const key of ['values:a', 'value:a:b', 'value:', 'value']) await server.ask('SET', key, 'others')
  expect(await listed()).toEqual(['a', 'b', 'c'])
  // It refuses writes and serves reads.
  await server.ask('CONFIG', 'SET', 'min-replicas-to-write', '1')
  expect(await client.value({ id: 'a' }).delete()).toBe('owed')
  expect(await client.value.deleteMany([{ id: 'b' }])).toBe('owed')
  expect(await server.ask('EXISTS', 'value:a', 'value:b')).toBe(2)
  expect(await listed()).toEqual(['c'])
})
