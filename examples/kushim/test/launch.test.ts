import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { portHolder, startRedis } from '@keyplan/local'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ask } from './support/instance.ts'
import { type Program, runProgram } from './support/program.ts'
import { until } from './support/until.ts'

/** Runs a program that does not outlive its test, however that ends. */
function run(script: string, variables: Record<string, string>): Program {
  const program = runProgram(script, variables)
  onTestFinished(program.stop)
  return program
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
    await until(
      () => ask(one!, 'GET', '/health/redis'),
      ({ body }) => body.status === 'up',
      20_000,
    )
    await launcher.stop()
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
      expect(launcher.lines.filter(line => line.includes('no redis-server 7.0'))).toHaveLength(1)
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

  it('refuses what it cannot understand in one line', async () => {
    for (const [variables, said] of [
      [{ KUSHIM_PORTS: '3001,x' }, 'KUSHIM_PORTS must be a port number'],
      [{ KUSHIM_PORTS: '3001,3001' }, 'KUSHIM_PORTS names a port twice'],
    ] as const) {
      const launcher = run('launch.js', variables)
      await launcher.said(said)
      expect((await launcher.ended).code).not.toBe(0)
      expect(launcher.lines).toHaveLength(1)
    }
  })
})

describe('two instances started by hand', () => {
  it('share one embedded database, as they share the Redis, and it ends after the last of them', async () => {
    await using redis = await startRedis()
    const probe = createServer()
    await new Promise<void>(resolve => probe.listen(0, '127.0.0.1', resolve))
    const { port } = probe.address() as { port: number }
    await new Promise(resolve => probe.close(resolve))
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
