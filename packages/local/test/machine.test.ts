import { createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { findRedisServer, portHolder, startRedis } from '../src/index.ts'

test('the redis-server of the machine is found by name and by path, with its version', async () => {
  const found = await findRedisServer()
  expect(found?.path).toMatch(/^\/.*redis-server$/)
  expect(found?.version).toMatch(/^\d+\.\d+\.\d+$/)
  expect(await findRedisServer(found?.path)).toEqual(found)
})

test('what is no redis-server is not found', async () => {
  expect(await findRedisServer('/nowhere/redis-server')).toBeUndefined()
  expect(await findRedisServer('no-such-redis-server')).toBeUndefined()
  expect(await findRedisServer(process.execPath)).toBeUndefined()
})

test('the holder of a port is named with its pid, and without its options', async () => {
  const redis = await startRedis()
  onTestFinished(redis.cleanUp)
  expect(await portHolder(redis.port)).toEqual({
    pid: redis.pid,
    command: `redis-server 127.0.0.1:${redis.port}`,
  })
})

test('a listener on every address holds the port too, a closed one does not', async () => {
  const server = createServer().listen(0)
  await new Promise(resolve => server.once('listening', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port')
  expect((await portHolder(address.port))?.pid).toBe(process.pid)
  await new Promise(resolve => server.close(resolve))
  expect(await portHolder(address.port)).toBeUndefined()
})
