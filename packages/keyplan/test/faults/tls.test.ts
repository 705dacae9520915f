import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Certificate,
  type CertificateAuthority,
  createAuthority,
  type RedisProcess,
  startRedis,
  type TlsOptions,
} from '@keyplan/local'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { becomes, ending, figure, open } from './client-under-fault.ts'

let folder: string
let authority: CertificateAuthority
let stranger: CertificateAuthority

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyplan-tls-'))
  ;[authority, stranger] = await Promise.all([
    createAuthority(join(folder, 'own')),
    createAuthority(join(folder, 'other')),
  ])
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function start(tls: TlsOptions): Promise<RedisProcess> {
  const server = await startRedis({ tls: { authority, ...tls } })
  onTestFinished(server.cleanUp)
  return server
}
const ca = () => ({ ca: authority.certificate })
const swap = (server: RedisProcess, { certificateFile, keyFile }: Certificate) =>
  server.ask('CONFIG', 'SET', 'tls-cert-file', certificateFile, 'tls-key-file', keyFile)

const faults: [string, () => Promise<[RedisProcess, object]>, RegExp][] = [
  [
    'has expired',
    async () => [await start({ certificate: await authority.issue({ names: ['127.0.0.1'], expired: true }) }), ca()],
    /CERT_HAS_EXPIRED/,
  ],
  ['is signed by another authority', async () => [await start({}), { ca: stranger.certificate }], /SELF_SIGNED/],
  ['is signed by nobody who is known', async () => [await start({}), {}], /SELF_SIGNED|UNABLE_TO/],
  [
    'is for another host',
    async () => [await start({ certificate: await authority.issue({ names: ['redis.test'] }) }), ca()],
    /ALTNAME_INVALID/,
  ],
  [
    'is for clients alone',
    async () => [await start({ certificate: await authority.issue({ names: ['127.0.0.1'], client: true }) }), ca()],
    /INVALID_PURPOSE/,
  ],
]

test.each(faults)('a server whose certificate %s is refused for good, with the reason', async (_, fault, reason) => {
  const [server, tls] = await fault()
  const refused = { code: 'TLS_FAILED', exitCode: 77, message: expect.stringMatching(reason), cause: expect.any(Error) }
  for (const start of ['optional', 'required'] as const) {
    await expect(open(server.url, { tls, start })).rejects.toMatchObject(refused)
  }
  // Nothing was said in the clear, or to a server that is not trusted.
  expect(String(await server.ask('CLIENT', 'LIST'))).not.toMatch(/name=keyplan/)
  expect(await server.ask('DBSIZE')).toBe(0)
})

test.each([
  ['no certificate', undefined],
  ['one of another authority', () => stranger.issue({ names: ['client'], client: true })],
  ['one that has expired', () => authority.issue({ names: ['client'], client: true, expired: true })],
])('a client that shows %s where one is asked for is refused for good', async (_, issue) => {
  const server = await start({ clientCertificates: 'required' })
  const own = await issue?.()
  const tls = { ...ca(), ...(own && { cert: own.certificate, key: own.key }) }
  const refused = { code: 'TLS_FAILED', message: expect.stringMatching(/ALERT/), cause: expect.any(Error) }
  await expect(open(server.url, { tls, start: 'required' })).rejects.toMatchObject(refused)
  const { client } = await open(server.url, { tls: server.tls!.options, start: 'required' })
  expect(await client.$command('ping')).toBe('PONG')
})

test.each([
  ['a passphrase that is wrong', { key: 'no key at all', cert: 'no certificate' }],
  ['a CA that is none', { ca: 'no certificate' }],
])('%s is refused for good, and not tried for ever', async (_, tls) => {
  const server = await start({})
  await expect(open(server.url, { tls: { ...ca(), ...tls } })).rejects.toMatchObject({
    code: expect.stringMatching(/TLS_FAILED|CONFIG_INVALID/),
  })
})

test('TLS is never given up: a server that speaks none is not spoken to in the clear', async () => {
  const plain = await startRedis({ password: 'secret' })
  onTestFinished(plain.cleanUp)
  const url = plain.url.replace('redis:', 'rediss:')
  const failed = open(url, { tls: ca(), start: 'required', connectTimeout: '500ms' })
  await expect(failed).rejects.toMatchObject({ code: expect.stringMatching(/TLS_FAILED|TIMEOUT|DISCONNECTED/) })
  expect(String(await plain.ask('INFO', 'commandstats'))).not.toMatch(/cmdstat_client\|setname/)
  const server = await start({})
  const hint = { message: expect.stringMatching(/TLS/) }
  const clear = open(server.url.replace('rediss:', 'redis:'), { start: 'required', connectTimeout: '500ms' })
  await expect(clear).rejects.toMatchObject(hint)
})

test('a certificate that is changed while the server runs: links that live stay, new ones see the new one', async () => {
  const server = await start({})
  const { client, told } = await open(server.url, { tls: { ca: [authority.certificate, stranger.certificate] } })
  const lost = told('reconnecting')
  await client.$command('set', ['k', 'v'])
  const connections = await figure(server, 'total_connections_received')
  await swap(server, await stranger.issue({ names: ['127.0.0.1'] }))
  for (let call = 0; call < 50; call++) expect(await client.$command('get', ['k'])).toBe('v')
  expect(lost).toEqual([])
  // Two are of this test.
  expect(Number(await figure(server, 'total_connections_received'))).toBe(Number(connections) + 2)
  await expect(open(server.url, { tls: ca() })).rejects.toMatchObject({ code: 'TLS_FAILED' })
  await server.ask('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  await becomes(() => lost.length === 1 && client.$status.state === 'connected')
  expect(await client.$command('get', ['k'])).toBe('v')
})

test('a certificate that expires while the client runs is told as such, and healed by a new one', async () => {
  const server = await start({})
  const { client, told } = await open(server.url, { tls: ca() })
  const unreachable = told('unreachable')
  await client.$command('set', ['k', 'v'])
  await swap(server, await authority.issue({ names: ['127.0.0.1'], expired: true }))
  expect(await client.$command('get', ['k'])).toBe('v')
  await server.ask('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  await becomes(() => client.$status.error?.code === 'TLS_FAILED')
  expect(await ending(client.$command('get', ['k']))).toMatchObject({
    code: 'TLS_FAILED',
    outcome: 'not-executed',
    message: expect.stringMatching(/CERT_HAS_EXPIRED/),
    cause: { code: 'CERT_HAS_EXPIRED' },
  })
  expect(unreachable[0]).toMatchObject({ error: { code: 'TLS_FAILED' } })
  await swap(server, await authority.issue({ names: ['127.0.0.1'] }))
  expect(await client.$command('get', ['k'], { deadline: '20s' }).catch(() => client.$command('get', ['k']))).toBe('v')
})
