import { appendFile, readFile, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { connectResp, type RedisOptions, type RedisProcess, type RespConnection, startRedis } from '../src/index.ts'

async function start(options?: RedisOptions): Promise<RedisProcess> {
  const redis = await startRedis(options)
  onTestFinished(redis.cleanUp)
  return redis
}

async function connect(redis: RedisProcess): Promise<RespConnection> {
  const connection = await connectResp(
    redis.socketPath === undefined ? { port: redis.port } : { path: redis.socketPath },
  )
  onTestFinished(connection.close)
  return connection
}

const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  )

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('a server listens on a free port of the loopback address only, and saves nothing', async () => {
  const redis = await start()
  expect(redis.port).not.toBe(6379)
  expect(redis.url).toBe(`redis://127.0.0.1:${redis.port}`)

  const connection = await connect(redis)
  expect(await connection.ask('CONFIG', 'GET', 'bind')).toEqual(['bind', '127.0.0.1'])
  expect(await connection.ask('CONFIG', 'GET', 'protected-mode')).toEqual(['protected-mode', 'yes'])
  expect(await connection.ask('CONFIG', 'GET', 'save')).toEqual(['save', ''])
  expect(await connection.ask('CONFIG', 'GET', 'appendonly')).toEqual(['appendonly', 'no'])
})

test('eight servers started at once are eight servers', async () => {
  const servers = await Promise.all(Array.from({ length: 8 }, () => start()))
  expect(new Set(servers.map(server => server.port)).size).toBe(8)
  const pids = await Promise.all(
    servers.map(async server => {
      const info = String(await (await connect(server)).ask('INFO', 'server'))
      return Number(/process_id:(\d+)/.exec(info)?.[1])
    }),
  )
  expect(pids).toEqual(servers.map(server => server.pid))
})

test('a password is asked for, is in the URL, and is neither in the arguments nor readable by others', async () => {
  const password = 'a "q\\uote", #hash and ü@:/?%\ttab'
  const redis = await start({ password })
  expect(decodeURIComponent(new URL(redis.url).password)).toBe(password)

  const connection = await connect(redis)
  expect(String(await connection.ask('PING'))).toContain('NOAUTH')
  expect(await connection.ask('AUTH', password)).toBe('OK')
  expect(await connection.ask('PING')).toBe('PONG')

  expect(await readFile(`/proc/${redis.pid}/cmdline`, 'utf8')).not.toContain('uote')
  expect((await stat(redis.dir)).mode & 0o777).toBe(0o700)
  expect((await stat(`${redis.dir}/redis.conf`)).mode & 0o777).toBe(0o600)
})

test('a unix socket takes the place of the port', async () => {
  const redis = await start({ socket: true })
  expect(redis.port).toBe(0)
  expect(redis.url).toBe(`unix://${redis.socketPath}`)
  expect(await (await connect(redis)).ask('PING')).toBe('PONG')
  await redis.kill()
  await redis.restart()
  expect(await (await connect(redis)).ask('PING')).toBe('PONG')
})

test('a restart after kill -9 keeps port and folder, and the data of an append-only file', async () => {
  const redis = await start({ appendonly: true, args: { appendfsync: 'always' } })
  const { port, dir, pid } = redis
  expect(await (await connect(redis)).ask('SET', 'kept', 'yes')).toBe('OK')

  await redis.kill()
  expect(redis.running).toBe(false)
  expect(redis.pid).toBeUndefined()
  expect(isAlive(pid!)).toBe(false)
  await expect(connectResp({ port })).rejects.toThrow('ECONNREFUSED')

  await redis.restart()
  expect([redis.port, redis.dir]).toEqual([port, dir])
  expect(redis.pid).not.toBe(pid)
  expect(await (await connect(redis)).ask('GET', 'kept')).toBe('yes')
})

test('it is ready only when its data is loaded', async () => {
  const redis = await start({ appendonly: true, args: { 'enable-debug-command': 'local' } })
  const connection = await connect(redis)
  expect(await connection.ask('DEBUG', 'POPULATE', '2000')).toBe('OK')
  // The rewrite makes the keys part of what is loaded, slowly, at the next start.
  await connection.ask('BGREWRITEAOF')
  while (!/aof_rewrite_in_progress:0/.test(String(await connection.ask('INFO', 'persistence')))) await sleep(5)
  await redis.stop()
  await appendFile(`${redis.dir}/redis.conf`, 'key-load-delay 200\nloading-process-events-interval-bytes 1024\n')

  let loadingSeen = false
  const restarted = redis.restart().then(() => true)
  for (let ready = false; !ready; ready = await Promise.race([restarted, sleep(5, false)])) {
    const watcher = await connectResp({ port: redis.port }).catch(() => undefined)
    loadingSeen ||= String(await watcher?.ask('PING').catch(() => undefined)).includes('LOADING')
    watcher?.close()
  }
  expect(loadingSeen).toBe(true)
  const after = await connect(redis)
  expect(await after.ask('PING')).toBe('PONG')
  expect(await after.ask('DBSIZE')).toBe(2000)
})

test('a paused server keeps its connections and answers nothing until it goes on', async () => {
  const redis = await start()
  const connection = await connect(redis)
  await redis.pause()
  let answered = false
  const pong = connection.ask('PING').then(reply => {
    answered = true
    return reply
  })
  await sleep(100)
  expect(answered).toBe(false)
  redis.resume()
  expect(await pong).toBe('PONG')
})

test('stop and kill also end a paused server', async () => {
  for (const verb of ['stop', 'kill'] as const) {
    const redis = await start()
    const pid = redis.pid!
    await redis.pause()
    await redis[verb]()
    expect(redis.running).toBe(false)
    expect(isAlive(pid)).toBe(false)
  }
})

test('stop lets the server save', async () => {
  const redis = await start({ args: { save: ['3600 1', '300 100'] } })
  expect(await (await connect(redis)).ask('SET', 'kept', 'yes')).toBe('OK')
  await redis.stop()
  expect(redis.log().join('\n')).toContain('ready to exit')
  await redis.restart()
  expect(await (await connect(redis)).ask('GET', 'kept')).toBe('yes')
})

test('a taken port is refused with the name of who holds it, and nothing is left behind', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await new Promise(resolve => server.once('listening', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  await expect(startRedis({ port: port! })).rejects.toThrow(
    new RegExp(`^port ${port} is taken by .+ \\(pid ${process.pid}\\): stop it, or choose another port$`),
  )
})

test('a server that refuses its configuration is reported with its own words and without the password', async () => {
  const error = await startRedis({ password: 'canary', args: { 'no-such-directive': 1 } }).catch(String)
  expect(error).toContain('redis-server ended before it was ready')
  expect(error).toContain('no-such-directive')
  expect(error).not.toContain('canary')
})

test('directives that an option decides, and line breaks, are refused', async () => {
  await expect(startRedis({ args: { requirepass: 'secret' } })).rejects.toThrow('use the option "password"')
  await expect(startRedis({ args: { maxmemory: '1mb\nbind 0.0.0.0' } })).rejects.toThrow('line break')
})

test('a binary that does not exist is said, with the remedy', async () => {
  await expect(startRedis({ binary: '/nowhere/redis-server' })).rejects.toThrow('/nowhere/redis-server')
})

test('cleaning up removes a temporary folder, keeps a given one, and may be repeated', async () => {
  const first = await start()
  await first.cleanUp()
  await first.cleanUp()
  expect(await exists(first.dir)).toBe(false)

  const outer = await start()
  const dir = `${outer.dir}/data`
  {
    await using inner = await startRedis({ dir })
    expect(inner.dir).toBe(dir)
  }
  expect(await exists(`${dir}/redis.conf`)).toBe(true)
})
