import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createConnection, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../live-server.ts'
import { startClientProcess } from './client-process.ts'
import { runId } from './evidence.ts'

const host = 'redis.keyplan.test'
const password = 'canary-word'
const folder = mkdtempSync(join(tmpdir(), 'keyplan-names-'))
const hosts = join(folder, 'hosts')

/** A mount namespace of one's own: as root, or as the root of a user namespace of one's own. */
const unshare = [
  ['unshare', '-m'],
  ['unshare', '-rm'],
].find(
  ([command = '', ...args]) =>
    spawnSync(command, [...args, 'mount', '--bind', '/etc/hosts', '/etc/hosts']).status === 0,
)

let first: RedisProcess
let second: RedisProcess

beforeAll(async () => {
  ;[first, second] = await Promise.all([startRedis({ password }), startRedis({ password })])
})
afterAll(async () => {
  await Promise.all([first.cleanUp(), second.cleanUp()])
  rmSync(folder, { recursive: true, force: true })
})

/** Whom the name means, in the one process that sees this file as its /etc/hosts. */
const means = (address: string | undefined) =>
  writeFileSync(hosts, `127.0.0.1 localhost\n${address === undefined ? '' : `${address} ${host}\n`}`)

/** Another server at the same port of another address. */
async function relay(address: string, port: number, to: number) {
  const sockets = new Set<Socket>()
  const listener = createServer(client => {
    const upstream = createConnection(to, '127.0.0.1')
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => {}))
    client.pipe(upstream).pipe(client)
  })
  await new Promise<void>(resolve => listener.listen(port, address, resolve))
  return {
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => listener.close(resolve))
    },
  }
}

test('a name that is unknown is asked for again, and one that moves is followed', async context => {
  if (!unshare) return context.skip('no mount namespace may be made here, which gives a process names of its own')
  await using _moved = await relay('127.0.0.2', first.port, second.port)
  means(undefined)
  const process = await startClientProcess({
    url: `redis://:${password}@${host}:${first.port}`,
    connect: { backoff: { min: '20ms', max: '100ms' } },
    wrapper: [...unshare, 'sh', '-c', `mount --bind ${hosts} /etc/hosts && exec "$@"`, 'sh'],
  })
  expect(await process.ask('status')).toMatchObject({
    state: 'reconnecting',
    error: `Redis at ${host}:${first.port}: ENOTFOUND`,
  })
  const whom = async () => /run_id:(\S+)/.exec(String((await process.ask('ask', ['INFO', ['server']])).reply))?.[1]
  const connections = () => process.told.filter(said => 'connected' in said).length

  means('127.0.0.1')
  await until(() => connections() === 1)
  expect(await whom()).toBe(await runId(first))

  means('127.0.0.2')
  await first.kill()
  await until(() => connections() === 2)
  expect(await whom()).toBe(await runId(second))

  means(undefined)
  await second.restart()
  await until(async () => /ENOTFOUND/.test(String((await process.ask('status')).error)))
  means('127.0.0.2')
  await until(() => connections() === 3)
  expect(await whom()).toBe(await runId(second))
  expect(JSON.stringify([process.told, await process.ask('status')])).not.toMatch(password)
  expect(process.told.filter(said => 'uncaught' in said)).toEqual([])
})
