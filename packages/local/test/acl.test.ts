import { readFile } from 'node:fs/promises'
import { expect, onTestFinished, test } from 'vitest'
import { connectResp, type ServerOptions, startCluster, startRedis, startSentinel } from '../src/index.ts'

const reader = { name: 'reader', password: 'r "é" #', rules: '~app:* +get +ping' }

async function loggedIn(port: number, user: string, password: string) {
  const connection = await connectResp({ port })
  onTestFinished(connection.close)
  return { connection, reply: String(await connection.ask('AUTH', user, password)) }
}

test('a user may do what its rules say, and nobody reads its password', async () => {
  const redis = await startRedis({ password: 'admin', users: [reader, { name: 'gone', rules: 'off' }] })
  onTestFinished(redis.cleanUp)
  expect(redis.urlAs('reader')).toBe(`redis://reader:${encodeURIComponent('r "é" #')}@127.0.0.1:${redis.port}`)
  expect(() => redis.urlAs('nobody')).toThrow('"nobody"')

  const { connection, reply } = await loggedIn(redis.port, 'reader', reader.password)
  expect(reply).toBe('OK')
  expect(await connection.ask('GET', 'app:1')).toBeNull()
  expect(String(await connection.ask('GET', 'other:1'))).toContain('NOPERM')
  expect(String(await connection.ask('SET', 'app:1', 'v'))).toContain('NOPERM')
  expect((await loggedIn(redis.port, 'reader', 'wrong')).reply).toContain('WRONGPASS')
  expect((await loggedIn(redis.port, 'gone', '')).reply).toContain('WRONGPASS')
  expect(await readFile(`/proc/${redis.pid}/cmdline`, 'utf8')).not.toContain('é')
})

test('rules that are none are refused by the server, without the password in what is said', async () => {
  const users = [{ name: 'odd', password: 'canary', rules: '+nosuchcommand' }]
  const error = String(await startRedis({ users }).catch(String))
  expect(error).toContain('ended before it was ready')
  expect(error).toContain('odd')
  expect(error).not.toContain('canary')
  await expect(startRedis({ users: [{ name: 'o dd', rules: '' }] })).rejects.toThrow('without spaces')
  await expect(startRedis({ users: [{ name: 'odd', rules: 'on\nuser x' }] })).rejects.toThrow('line break')
})

const closed: ServerOptions = { users: [reader, { name: 'default', rules: 'off' }] }

test('with the default user closed everything still works here, and nobody gets in without a name', async () => {
  const redis = await startRedis(closed)
  onTestFinished(redis.cleanUp)
  const anonymous = await connectResp({ port: redis.port })
  onTestFinished(anonymous.close)
  expect(String(await anonymous.ask('PING'))).toContain('NOAUTH')
  expect(await redis.ask('SET', 'app:1', 'v')).toBe('OK')
  await redis.restart()
  expect((await loggedIn(redis.port, 'reader', reader.password)).reply).toBe('OK')
  await expect(startRedis({ ...closed, password: 'p' })).rejects.toThrow('leave out the option "password"')
})

test('replication, failover and migration have a login of their own when the default user is closed', async () => {
  const sentinel = await startSentinel({ ...closed, replicas: 1 })
  onTestFinished(sentinel.stop)
  await sentinel.failover()
  await sentinel.settled()

  const cluster = await startCluster({ ...closed, replicas: 0 })
  onTestFinished(cluster.stop)
  const from = await cluster.ownerOf('app:1')
  await from.ask('SET', 'app:1', 'v')
  const slot = Number(await from.ask('CLUSTER', 'KEYSLOT', 'app:1'))
  const to = cluster.nodes.find(node => node !== from)!
  await cluster.moveSlot(slot, to)
  expect(await to.ask('GET', 'app:1')).toBe('v')
})
