import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { portHolder, startRedis } from '@keyplan/local'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startEmbeddedDatabase } from '../dist/database/embedded.js'
import { ask } from './support/instance.ts'
import { type Program, runProgram } from './support/program.ts'
import { until } from './support/until.ts'

/** Runs a program that does not outlive its test, however that ends. */
function run(script: string, variables: Record<string, string>): Program {
  const program = runProgram(script, variables)
  onTestFinished(program.stop)
  return program
}

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>(resolve => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as { port: number }
  await new Promise(resolve => probe.close(resolve))
  return port
}

const anyPorts = { KUSHIM_PORTS: '0,0' }
const record = { userId: 'ada', platform: 'gmail', dataSourceId: 'inbox', externalId: '1', content: '@grace' }

/** The addresses in the banner. */
async function urlsOf(program: Program): Promise<string[]> {
  await program.said('Ctrl-C ends everything')
  const line = await program.said('  API  ')
  return line.match(/http:\/\/\S+/g) ?? []
}

/** Everything the banner speaks of. */
function portsIn(banner: string): number[] {
  const found = [
    ...banner.matchAll(/http:\/\/127\.0\.0\.1:(\d+)/g),
    ...banner.matchAll(/redis-cli -h 127\.0\.0\.1 -p (\d+)/g),
    ...banner.matchAll(/\(PGlite\) at 127\.0\.0\.1:(\d+)/g),
  ]
  return [...new Set(found.map(([, port]) => Number(port)))]
}

/** Nobody listens there. Asked of the system: to connect would keep a database alive that ends with its last user. */
const isFree = async (port: number) => (await portHolder(port)) === undefined

describe('the launcher', () => {
  it('starts two instances that share everything, says so, and ends all of it on Ctrl-C', async () => {
    const launcher = run('launch.js', anyPorts)
    const urls = await urlsOf(launcher)
    expect(urls).toHaveLength(2)
    const [one, two] = urls.map(url => ({ url }))
    expect(await ask(one!, 'POST', '/records', { body: record })).toMatchObject({ status: 201 })
    expect(await ask(two!, 'POST', '/records', { body: record })).toMatchObject({ status: 200 })
    const banner = launcher.lines.join('\n')
    expect(banner).toContain('2 instances that share one Redis')
    expect(banner).toContain(`curl -s ${urls[1]}/health/redis`)
    const ports = portsIn(banner)
    expect(ports).toHaveLength(4)
    launcher.signal('SIGINT')
    expect(await launcher.ended).toEqual({ code: 0, signal: null })
    await launcher.silent
    expect(launcher.lines.at(-1)).toBe('[Kushim] stopped')
    expect(launcher.lines.filter(line => line.includes('stopped'))).toHaveLength(1)
    for (const port of ports) expect(await isFree(port)).toBe(true)
  })

  it('ends the rest, and says why, when an instance dies', async () => {
    const launcher = run('launch.js', anyPorts)
    const [one, two] = (await urlsOf(launcher)).map(url => ({ url }))
    process.kill(Number((await ask(one!, 'GET', '/health')).body.pid), 'SIGKILL')
    expect(await launcher.ended).toEqual({ code: 1, signal: null })
    await launcher.said('ended by SIGKILL; ending the rest')
    expect(await isFree(Number(new URL(two!.url).port))).toBe(true)
  })

  it('starts its Redis again when that is killed, and the instances go on meanwhile', async () => {
    const launcher = run('launch.js', anyPorts)
    const [one, two] = (await urlsOf(launcher)).map(url => ({ url }))
    const port = Number(/redis-cli -h 127\.0\.0\.1 -p (\d+)/.exec(launcher.lines.join('\n'))?.[1])
    process.kill((await portHolder(port))!.pid, 'SIGKILL')
    await launcher.said('Redis was ended')
    expect(await ask(one!, 'POST', '/records', { body: record })).toMatchObject({ status: 201 })
    expect(await ask(two!, 'POST', '/records', { body: record })).toMatchObject({ status: 200 })
    for (const instance of [one!, two!]) {
      await until(
        () => ask(instance, 'GET', '/health/redis'),
        ({ body }) => body.status === 'up',
        20_000,
      )
    }
    await launcher.stop()
    // Once an outage and an instance, however many attempts it took.
    const said = (text: string) => launcher.lines.filter(line => line.endsWith(`[RedisService] ${text}`))
    expect(said('Failed to connect to Redis: ECONNREFUSED')).toHaveLength(2)
    expect(said('Redis connected successfully')).toHaveLength(4)
  })

  it('ends on Ctrl-C before everything has started, too', async () => {
    // Nobody listens there, so the instances wait.
    const launcher = run('launch.js', { ...anyPorts, DATABASE_URL: `postgres://127.0.0.1:${await freePort()}/none` })
    await launcher.said('cannot reach PostgreSQL')
    launcher.signal('SIGINT')
    expect(await launcher.ended).toEqual({ code: 0, signal: null })
    await launcher.silent
    expect(launcher.lines.at(-1)).toBe('[Kushim] stopped')
  })

  it('leaves nothing behind when it is killed itself', async () => {
    const launcher = run('launch.js', anyPorts)
    await launcher.said('Ctrl-C ends everything')
    const ports = portsIn(launcher.lines.join('\n'))
    expect(ports).toHaveLength(4)
    launcher.signal('SIGKILL')
    for (const port of ports) {
      await until(
        () => isFree(port),
        free => free,
        20_000,
      )
    }
  })

  it('names who holds a port that is taken, before it starts anything', async () => {
    const holder = createServer()
    await new Promise<void>(resolve => holder.listen(0, '127.0.0.1', resolve))
    const { port } = holder.address() as { port: number }
    try {
      for (const [script, variables] of [
        ['launch.js', { KUSHIM_PORTS: `0,${port}` }],
        ['main.js', { PORT: String(port), KUSHIM_EMBEDDED_PORT: '0' }],
      ] as const) {
        const program = run(script, variables)
        await program.said(`port ${port} is taken by node`)
        await program.said(`(pid ${process.pid})`)
        expect((await program.ended).code).not.toBe(0)
      }
    } finally {
      holder.close()
    }
  })

  it('uses the Redis of REDIS_URL and leaves it running', async () => {
    await using redis = await startRedis()
    const launcher = run('launch.js', { ...anyPorts, REDIS_URL: redis.url })
    const [one] = (await urlsOf(launcher)).map(url => ({ url }))
    await launcher.said(`127.0.0.1:${redis.port} (REDIS_URL)`)
    expect(await ask(one!, 'GET', '/health/redis')).toMatchObject({ body: { status: 'up', mode: 'redis' } })
    await launcher.stop()
    expect(redis.running).toBe(true)
  })

  it.each(['there is none', 'it is too old'])('runs one instance in memory, and says so once: %s', async why => {
    const folder = await mkdtemp(join(tmpdir(), 'kushim-'))
    const binary = join(folder, 'redis-server')
    if (why === 'it is too old') await writeFile(binary, '#!/bin/sh\necho Redis server v=6.2.14\n', { mode: 0o755 })
    try {
      const launcher = run('launch.js', { ...anyPorts, KUSHIM_REDIS_SERVER: binary })
      const urls = await urlsOf(launcher)
      expect(urls).toHaveLength(1)
      expect(launcher.lines.filter(line => line.includes('KUSHIM_REDIS_SERVER names no redis-server'))).toHaveLength(1)
      expect(launcher.lines[0]).toContain('correct it, or leave it out')
      expect(await ask({ url: urls[0]! }, 'POST', '/records', { body: record })).toMatchObject({ status: 201 })
      await launcher.stop()
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  it('keeps the data where KUSHIM_DATA says', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kushim-'))
    try {
      for (const status of [201, 200]) {
        const launcher = run('launch.js', { ...anyPorts, KUSHIM_DATA: folder })
        const [one] = (await urlsOf(launcher)).map(url => ({ url }))
        expect(await ask(one!, 'POST', '/records', { body: record })).toMatchObject({ status })
        await launcher.stop()
      }
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})

describe('a setting that is wrong', () => {
  /** Runs until it ends by itself: the lines it has written, and its exit code. */
  async function refused(script: string, variables: Record<string, string>) {
    const program = run(script, variables)
    await program.silent
    return { code: (await program.ended).code, lines: program.lines }
  }

  it.each([
    ['launch.js', { KUSHIM_PORTS: '3001,x' }, 'KUSHIM_PORTS is "3001,x", and "x" is no port; write'],
    ['launch.js', { KUSHIM_PORTS: '3001,3001' }, 'KUSHIM_PORTS is "3001,3001", which names 3001 twice; write'],
    ['launch.js', { ...anyPorts, HOST: '192.0.2.1' }, 'HOST is "192.0.2.1", which is no address of this machine'],
    [
      'launch.js',
      { ...anyPorts, DATABASE_URL: 'mysql://ada:s3cret@localhost/kushim' },
      'DATABASE_URL is no PostgreSQL',
    ],
    [
      'launch.js',
      { ...anyPorts, KUSHIM_DATA: '/proc/kushim' },
      'KUSHIM_DATA is /proc/kushim, where no data can be kept',
    ],
    ['main.js', { PORT: '80x' }, 'PORT is "80x", which is no port; write a whole number'],
    ['main.js', { PORT: '65536' }, 'PORT is "65536", which is no port; write a whole number'],
    ['main.js', { PORT: '0', HOST: '192.0.2.1' }, 'HOST is "192.0.2.1", which is no address of this machine'],
    ['main.js', { DATABASE_URL: 'postgres://ada:s3cret@localhost:x/' }, 'DATABASE_URL is no PostgreSQL URL; write'],
  ])('is told in one line that names the variable: %s %j', async (script, variables, said) => {
    const { code, lines } = await refused(script, variables)
    expect(lines).toEqual([expect.stringContaining(`[Kushim] ${said}`)])
    expect(lines[0]).not.toContain('s3cret')
    expect(code).toBe(78)
  })

  it.each(['http://127.0.0.1', 'redis://127.0.0.1:70000'])(
    'is told by the instance, and its exit code is that of the launcher: %s',
    async url => {
      const { code, lines } = await refused('launch.js', { KUSHIM_PORTS: '0', REDIS_URL: url })
      expect(lines).toEqual([
        expect.stringMatching(/^api-0 \| \[Kushim\] cannot connect: .*; correct REDIS_URL$/),
        '[Kushim] api-0 ended with exit code 78 before it listened',
      ])
      expect(code).toBe(78)
    },
  )

  it('is told when it is the password of Redis', async () => {
    await using redis = await startRedis({ password: 'right' })
    const url = redis.url.replace('right', 's3cret')
    const { code, lines } = await refused('main.js', { PORT: '0', KUSHIM_EMBEDDED_PORT: '0', REDIS_URL: url })
    // On a busy machine the database may say that it is slow.
    const own = lines.filter(line => line.startsWith('[Kushim]'))
    expect(own).toEqual([expect.stringMatching(/^\[Kushim\] .*WRONGPASS.*; correct REDIS_URL$/)])
    expect(lines.join()).not.toContain('s3cret')
    expect(code).toBe(77)
  })

  it('is told of a folder for the data that is a file, above or at the place itself', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kushim-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const file = join(folder, 'file')
    await writeFile(file, '')
    for (const [script, variables] of [
      ['launch.js', { ...anyPorts, KUSHIM_DATA: file }],
      ['main.js', { PORT: '0', KUSHIM_EMBEDDED_PORT: '0', KUSHIM_DATA: join(file, 'deeper') }],
    ] as const) {
      const said = `[Kushim] KUSHIM_DATA is ${variables.KUSHIM_DATA}, where no data can be kept: a file is in the way`
      expect(await refused(script, variables)).toEqual({ code: 78, lines: [expect.stringContaining(said)] })
    }
  })

  it('is told when it is an address of a database where none is, without the password, and once when one is there', async () => {
    const port = await freePort()
    const program = run('main.js', { PORT: '0', DATABASE_URL: `postgres://ada:s3cret@127.0.0.1:${port}/postgres` })
    await program.said(`[Database] cannot reach PostgreSQL at 127.0.0.1:${port} (ECONNREFUSED); trying again`)
    const database = await startEmbeddedDatabase({ port, dataFolder: undefined })
    onTestFinished(database.stop)
    await program.said(`[Database] PostgreSQL at 127.0.0.1:${port} is there`)
    await program.said('listening on ')
    await program.stop()
    expect(program.lines.filter(line => line.includes('cannot reach PostgreSQL'))).toHaveLength(1)
    expect(program.lines.join('\n')).not.toContain('s3cret')
  })
})

describe('two instances started by hand', () => {
  it('share one embedded database, as they share the Redis, and it ends after the last of them', async () => {
    await using redis = await startRedis()
    const port = await freePort()
    const variables = { PORT: '0', REDIS_URL: redis.url, KUSHIM_EMBEDDED_PORT: String(port) }
    const programs = [run('main.js', variables), run('main.js', variables)]
    const [one, two] = await Promise.all(
      programs.map(async program => {
        const line = await program.said('listening on ')
        return { url: line.slice(line.indexOf('http')) }
      }),
    )
    const answers = await Promise.all([one, two].map(instance => ask(instance!, 'POST', '/records', { body: record })))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 201])
    await Promise.all(programs.map(program => program.stop()))
    await until(
      () => isFree(port),
      free => free,
      20_000,
    )
  })
})
