import { X509Certificate } from 'node:crypto'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import {
  type CertificateAuthority,
  connectResp,
  createAuthority,
  startCluster,
  startRedis,
  startReplicated,
  startSentinel,
  type TlsOptions,
} from '../src/index.ts'

let folder: string
let authority: CertificateAuthority
let stranger: CertificateAuthority

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyplan-test-'))
  authority = await createAuthority(join(folder, 'own'))
  stranger = await createAuthority(join(folder, 'other'))
  return () => rm(folder, { recursive: true })
})

async function start(tls: true | TlsOptions) {
  const redis = await startRedis({ tls })
  onTestFinished(redis.cleanUp)
  return redis
}

async function ping(port: number, tls: ConnectionOptions) {
  const connection = await connectResp({ port, tls })
  onTestFinished(connection.close)
  return connection.ask('PING')
}

test('a certificate is for its names, of its authority, and only its key can be read by nobody else', async () => {
  const issued = await authority.issue({ names: ['redis.test', '10.1.2.3', '::1'] })
  const certificate = new X509Certificate(issued.certificate)
  expect(certificate.verify(new X509Certificate(authority.certificate).publicKey)).toBe(true)
  expect(certificate.checkIssued(new X509Certificate(authority.certificate))).toBe(true)
  expect(certificate.verify(new X509Certificate(stranger.certificate).publicKey)).toBe(false)
  expect(certificate.checkHost('redis.test')).toBe('redis.test')
  expect(certificate.checkHost('other.test')).toBeUndefined()
  expect(certificate.checkIP('10.1.2.3')).toBe('10.1.2.3')
  expect(certificate.checkIP('::1')).toBe('::1')
  expect(certificate.ca).toBe(false)
  expect((await stat(issued.keyFile)).mode & 0o777).toBe(0o600)
})

test('a client that trusts the authority is served, others are not', async () => {
  const redis = await start({ authority })
  expect(redis.url).toBe(`rediss://127.0.0.1:${redis.port}`)
  expect(await ping(redis.port, { ca: authority.certificate })).toBe('PONG')
  await expect(ping(redis.port, { ca: stranger.certificate })).rejects.toMatchObject({
    code: 'SELF_SIGNED_CERT_IN_CHAIN',
  })
  await expect(ping(redis.port, {})).rejects.toMatchObject({ code: 'SELF_SIGNED_CERT_IN_CHAIN' })
  await expect(connectResp({ port: redis.port }).then(plain => plain.ask('PING'))).rejects.toThrow()
})

test('an expired certificate, and one for another host, are refused', async () => {
  const expired = await start({
    authority,
    certificate: await authority.issue({ names: ['127.0.0.1'], expired: true }),
  })
  await expect(ping(expired.port, { ca: authority.certificate })).rejects.toMatchObject({ code: 'CERT_HAS_EXPIRED' })

  const elsewhere = await start({ authority, certificate: await authority.issue({ names: ['redis.test'] }) })
  await expect(ping(elsewhere.port, { ca: authority.certificate })).rejects.toMatchObject({
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
  })
  const asRedisTest = connectTls({
    port: elsewhere.port,
    host: '127.0.0.1',
    ca: authority.certificate,
    servername: 'redis.test',
  })
  onTestFinished(() => void asRedisTest.destroy())
  await new Promise((resolve, reject) => asRedisTest.once('secureConnect', resolve).once('error', reject))
})

test('where clients have to show a certificate, only one of the authority for clients will do', async () => {
  const { port, tls } = await start({ authority, clientCertificates: 'required' })
  const ca = authority.certificate
  expect(await ping(port, tls!.options)).toBe('PONG')
  await expect(ping(port, { ca })).rejects.toThrow()
  const foreign = await stranger.issue({ names: ['client'], client: true })
  await expect(ping(port, { ca, cert: foreign.certificate, key: foreign.key })).rejects.toThrow()
  const late = await authority.issue({ names: ['client'], client: true, expired: true })
  await expect(ping(port, { ca, cert: late.certificate, key: late.key })).rejects.toThrow()
})

test('a certificate can be changed while the server runs', async () => {
  const redis = await start({ authority })
  const before = await connectResp({ port: redis.port, tls: { ca: authority.certificate } })
  onTestFinished(before.close)
  const other = await stranger.issue({ names: ['127.0.0.1'] })
  await redis.ask('CONFIG', 'SET', 'tls-cert-file', other.certificateFile, 'tls-key-file', other.keyFile)
  expect(await ping(redis.port, { ca: stranger.certificate })).toBe('PONG')
  await expect(ping(redis.port, { ca: authority.certificate })).rejects.toThrow()
  expect(await before.ask('PING')).toBe('PONG')
})

test.each([
  ['replicated', startReplicated],
  ['Sentinel', startSentinel],
  ['cluster', startCluster],
] as const)('%s: clients and servers speak TLS only, with certificates on both sides', async (_, startTopology) => {
  const topology = await startTopology({ tls: { clientCertificates: 'required' }, password: 'secret' })
  onTestFinished(topology.stop)
  const { tls, nodes, environment } = topology
  for (const { port } of nodes) {
    expect(String(await ping(port, tls!.options))).toMatch(/PONG|NOAUTH/)
    await expect(ping(port, { ca: tls!.options.ca })).rejects.toThrow()
    await expect(connectResp({ port }).then(plain => plain.ask('PING'))).rejects.toThrow()
  }
  expect(environment.REDIS_URL).toMatch(/^rediss:/)
  expect(environment).toMatchObject({
    REDIS_TLS_ENABLED: 'true',
    REDIS_TLS_CA_FILE: tls!.authority.file,
    REDIS_TLS_CERT_FILE: tls!.client!.certificateFile,
    REDIS_TLS_KEY_FILE: tls!.client!.keyFile,
  })
})
