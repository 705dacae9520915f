import { spawn } from 'node:child_process'
import { subscribe, tracingChannel } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import { type FaultProxy, type RedisProcess, startProxy, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import type { ConnectOptions } from '../../src/config/options.ts'
import { becomes, open, type Subject } from './client-under-fault.ts'

const canary = 'canary@:/#%?é'
/** As it is, as URLs, base64, JSON and hexadecimal dumps have it; and the word in it, for any other disguise. */
const forms = [
  canary,
  encodeURIComponent(canary),
  encodeURI(canary),
  Buffer.from(canary).toString('base64').replace(/=+$/, ''),
  Buffer.from(canary).toString('base64url'),
  Buffer.from(canary).toString('hex'),
  'canary',
]

let server: RedisProcess
let proxy: FaultProxy
let folder: string
let file: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyplan-secrets-'))
  file = join(folder, 'password')
  await writeFile(file, `${canary}\n`)
  server = await startRedis({ password: canary, users: [{ name: 'app', password: canary, rules: '~* &* +@all' }] })
  proxy = await startProxy({ to: server.port })
})
afterAll(async () => {
  await Promise.all([proxy.close(), server.cleanUp()])
  await rm(folder, { recursive: true, force: true })
})
beforeEach(() => proxy.pass())

/** Everything somebody may print, store or send on of a thing. */
function printed(thing: unknown): string {
  const shown = [inspect(thing, { depth: 30, showHidden: true, getters: true }), String(thing)]
  try {
    shown.push(JSON.stringify(thing) ?? '')
  } catch {
    // A cycle, which inspect has shown.
  }
  for (let error = thing; error instanceof Error; error = error.cause) {
    shown.push(error.message, error.stack ?? '', JSON.stringify(Object.getOwnPropertyDescriptors(error)) ?? '')
  }
  return shown.join('\n')
}
const found = (text: string) => forms.filter(form => text.toLowerCase().includes(form.toLowerCase()))
const foundIn = (things: readonly unknown[]) => found(things.map(printed).join('\n'))

const events = ['connected', 'reconnecting', 'unreachable', 'breaker', 'failover', 'gap', 'degraded', 'notice'] as const

/** What traces are made of. */
function traces(): unknown[] {
  const contexts: unknown[] = []
  const channel = tracingChannel('keyplan:operation')
  for (const part of [channel.start, channel.end, channel.asyncStart, channel.asyncEnd, channel.error]) {
    const note = (context: unknown) => void contexts.push({ ...(context as object) })
    subscribe(part.name, note)
    onTestFinished(() => void part.unsubscribe(note))
  }
  return contexts
}

/** A life with everything in it that says something. */
async function live(client: Subject, seen: unknown[]): Promise<void> {
  for (const event of events) client.$on(event, detail => seen.push(event, detail))
  const note = async (call: Promise<unknown>) => void seen.push(await call.catch(error => error))
  await note(client.page({ id: 1 }).set('text'))
  await note(client.page({ id: 1 }).get())
  await note(client.$command('AUTH', [canary]))
  await note(client.$command('get', []))
  await note(client.$command('acl', ['setuser', 'x', `?${canary}`]))
  await note(client.$command('config', ['set', canary, canary]))
  await note(client.$command(`x${canary.slice(6)}`, [canary]))
  await note(
    client.$batch([
      ['nonsense', canary],
      ['lpush', 'page:1', canary],
    ]),
  )
  await note(
    client.$transaction([
      ['set', 'k', 'v'],
      ['incr', 'k', canary],
    ]),
  )
  await proxy.swallowReplies()
  const lost = client.$command('set', ['k', canary], { deadline: '400ms' })
  const held = client.page({ id: 2 }).get({ deadline: '400ms' })
  await note(lost)
  await note(held)
  await proxy.corrupt()
  await note(client.$command('ping', [], { deadline: '200ms' }))
  await proxy.blackhole()
  await note(client.$command('ping', [], { deadline: '200ms' }))
  await proxy.refuse()
  await note(client.copy({ id: 1 }).getOrLoad(() => 'loaded'))
  seen.push(client, client.$status, client.$stats())
  await proxy.pass()
  await becomes(() => client.$status.state === 'connected')
  await note(server.ask('CLIENT', 'LIST'))
  await note(server.ask('ACL', 'LOG'))
  seen.push(client.$status)
}

const here = () => `127.0.0.1:${proxy.port}`
const ways: [string, () => ConnectOptions][] = [
  ['in the URL as it is', () => ({ url: `redis://app:${canary}@${here()}` })],
  ['in the URL, encoded', () => ({ url: `redis://app:${encodeURIComponent(canary)}@${here()}` })],
  ['as an option', () => ({ url: `redis://${here()}`, password: canary })],
  ['from a function', () => ({ url: `redis://app@${here()}`, password: async () => canary })],
]

test.each(ways)('a password given %s shows in no log, error, event, status, figure or trace', async (_, options) => {
  const seen: unknown[] = traces()
  const { client, lines } = await open('', { stall: '300ms', ...options(), start: 'required' })
  await live(client, seen)
  seen.push(lines, process.argv)
  expect(seen.length).toBeGreaterThan(60)
  expect(lines.length).toBeGreaterThan(1)
  expect(foundIn(seen)).toEqual([])
})

test.each(ways)('nor does one given %s that is refused', async (_, options) => {
  const other = await startRedis({ password: 'another', users: [{ name: 'app', password: 'another', rules: '+@all' }] })
  onTestFinished(other.cleanUp)
  const seen: unknown[] = traces()
  const given = options()
  const url = String(given.url).replace(here(), `127.0.0.1:${other.port}`)
  const lines: string[] = []
  const log = (_: string, line: string) => void lines.push(line)
  const error = await open(url, { ...given, url, log }).catch(error => error)
  expect(error).toMatchObject({ code: 'AUTH_FAILED' })
  seen.push(error, lines, await other.ask('ACL', 'LOG'), other.log(100))
  expect(foundIn(seen)).toEqual([])
})

/** The command lines of all processes that this one has started, and theirs. */
function commandLines(): string[] {
  const parents = new Map<number, number>()
  const lines = new Map<number, string>()
  for (const pid of readdirSync('/proc').map(Number).filter(Number.isInteger)) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      parents.set(pid, Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]))
      lines.set(pid, readFileSync(`/proc/${pid}/cmdline`, 'utf8'))
    } catch {
      // It has ended.
    }
  }
  const isOurs = (pid: number): boolean => pid === process.pid || (pid > 1 && isOurs(parents.get(pid) ?? 0))
  return [...lines].filter(([pid]) => isOurs(pid)).map(([, line]) => line)
}

const program = fileURLToPath(new URL('secret-process.mjs', import.meta.url))

test.skipIf(process.platform !== 'linux').each([
  ['REDIS_URL', () => ({ REDIS_URL: `redis://app:${encodeURIComponent(canary)}@${here()}` }), /KeyplanError/],
  ['REDIS_PASSWORD', () => ({ REDIS_URL: `redis://${here()}`, REDIS_PASSWORD: canary }), /KeyplanError/],
  ['REDIS_PASSWORD_FILE', () => ({ REDIS_URL: `redis://${here()}`, REDIS_PASSWORD_FILE: file }), /KeyplanError/],
  ['a wrong REDIS_PASSWORD', () => ({ REDIS_URL: `redis://${here()}`, REDIS_PASSWORD: `${canary}!` }), /AUTH_FAILED/],
  ['a faulty REDIS_URL', () => ({ REDIS_URL: `redis://:${canary}@${here()}:x` }), /CONFIG_INVALID/],
])(
  'nor in the arguments or the last words of a process that has it from %s, not even with NODE_DEBUG',
  async (_, env, end) => {
    const child = spawn(process.execPath, [program], {
      env: { PATH: process.env.PATH, CANARY: canary, NODE_DEBUG: 'net,tls,stream', ...env() },
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    let said = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', chunk => {
        said += chunk
      })
    }
    const lines = commandLines()
    expect(lines.some(line => line.includes(program))).toBe(true)
    expect(lines.some(line => line.includes('redis-server'))).toBe(true)
    expect(found(lines.join('\n'))).toEqual([])
    const [code] = await once(child, 'close')
    expect(code).toBe(1)
    expect(said).toMatch(end)
    expect(said).toMatch(/CONFIG_INVALID|NET \d+:/)
    expect(found(said)).toEqual([])
  },
)
