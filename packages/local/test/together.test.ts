import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { connectResp, startCluster, startRedis, startReplicated, startSentinel, topologies } from '../src/index.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyplan-test-'))
  vi.stubEnv('TMPDIR', folder)
  return async () => {
    vi.unstubAllEnvs()
    await rm(folder, { recursive: true })
  }
})

test.each(Object.entries(topologies))(
  '%s starts from the table, and nothing is left of it when it has stopped',
  async (_, choice) => {
    const topology = await choice.start({ tls: true, proxied: true })
    expect(topology.environment.REDIS_URL).toBe(topology.url)
    const pids = topology.nodes.map(({ pid }) => pid!)
    expect((await readdir(folder)).length).toBeGreaterThanOrEqual(pids.length)
    await topology.settled()
    const ports = topology.nodes.flatMap(({ port, proxy }) => [port, proxy!.port])
    await topology.stop()
    await topology.stop()
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH')
    for (const port of ports) await expect(connectResp({ port })).rejects.toThrow('ECONNREFUSED')
    expect(await readdir(folder)).toEqual([])
  },
)

test.each([
  ['replicated', startReplicated],
  ['Sentinel', startSentinel],
  ['cluster', startCluster],
] as const)('%s: a start that fails says which server would not, and leaves nothing behind', async (_, start) => {
  const options = { tls: true, args: { 'no-such-directive': 1 } }
  await expect(start(options)).rejects.toThrow(
    /^(the master|cluster node \d) ended before it was ready[\s\S]*no-such-directive/,
  )
  expect(await readdir(folder)).toEqual([])
})

test('Sentinels that cannot be started end the master and the replicas', async () => {
  await expect(startSentinel({ quorum: 0 })).rejects.toThrow(/^Sentinel \d ended before it was ready[\s\S]*Quorum/)
  expect(await readdir(folder)).toEqual([])
})

test('options that cannot be are refused as rejections, before anything is started', async () => {
  await expect(startSentinel({ masterName: 'two words' })).rejects.toThrow('masterName')
  await expect(startCluster({ masters: 0 })).rejects.toThrow('"masters"')
  await expect(startRedis({ tls: true, socket: true })).rejects.toThrow('TLS needs a port')
  await expect(startReplicated({ args: { 'tls-port': 1 } })).rejects.toThrow('use the option "tls"')
  expect(await readdir(folder)).toEqual([])
})

test('a server that finds its port taken says by whom, and starts when it is free again', async () => {
  const redis = await startRedis()
  onTestFinished(redis.cleanUp)
  await redis.kill()
  const thief = createServer(socket => socket.destroy()).listen(redis.port, '127.0.0.1')
  await new Promise(resolve => thief.once('listening', resolve))
  await expect(redis.restart()).rejects.toThrow(`port ${redis.port} is taken by`)
  await new Promise(resolve => thief.close(resolve))
  await redis.restart()
  expect(await redis.ask('PING')).toBe('PONG')
})
