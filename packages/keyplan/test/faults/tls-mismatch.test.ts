import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect } from '../../src/client/index.ts'
import { until } from '../live-server.ts'
import { openBudget } from './budget.ts'
import { openWatched, plan } from './proxied-client.ts'

let plain: RedisProcess
let secure: RedisProcess

beforeAll(async () => {
  ;[plain, secure] = await Promise.all([startRedis(), startRedis({ tls: true })])
})
afterAll(() => Promise.all([plain.cleanUp(), secure.cleanUp()]))

const timeouts = { start: 'required', connectTimeout: '600ms', log: () => {} } as const
const ca = () => secure.tls?.authority.certificate

test('TLS towards a port without it ends by the connect deadline, and says what may be wrong', async () => {
  const budget = openBudget(600)
  const url = `rediss://127.0.0.1:${plain.port}`
  await expect(budget.within(() => connect(plan, { url, tls: { ca: ca() }, ...timeouts }))).rejects.toMatchObject({
    code: 'TIMEOUT',
    message: `Redis at 127.0.0.1:${plain.port} did not complete the TLS handshake in time; does it speak TLS on this port?`,
  })
  expect(budget.worst).toBeLessThan(budget.limit)
})

test('no TLS towards a port with it says what may be wrong', async () => {
  const budget = openBudget(600)
  const url = `redis://127.0.0.1:${secure.port}`
  await expect(budget.within(() => connect(plan, { url, ...timeouts }))).rejects.toMatchObject({
    code: 'DISCONNECTED',
    message: `Redis at 127.0.0.1:${secure.port} closed the connection during the handshake; does it want TLS on this port?`,
  })
  expect(secure.log(50).join('\n')).toMatch(/Error accepting a client connection/)
  expect(budget.worst).toBeLessThan(budget.limit)
})

test('with the right certificates and the right scheme the same options connect', async () => {
  const { client } = await openWatched({ url: `rediss://127.0.0.1:${secure.port}`, tls: { ca: ca() }, ...timeouts })
  expect(await client.$command('ECHO', ['encrypted'])).toBe('encrypted')
  expect(client.$status.state).toBe('connected')
  await client.$close()
})

test('nothing secret is said before the TLS handshake is done', async () => {
  let heard = ''
  const sockets = new Set<Socket>()
  const listener = createServer(socket => {
    sockets.add(socket.on('error', () => {}))
    socket.on('data', bytes => {
      heard += bytes.toString('latin1')
    })
  })
  await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve))
  const { port } = listener.address() as AddressInfo
  const { client, lines } = await openWatched({
    url: `rediss://canary-user:canary-word@127.0.0.1:${port}`,
    connectTimeout: '300ms',
  })
  await until(() => heard.length > 100)
  await until(() => client.$status.state === 'reconnecting')
  await client.$close()
  for (const socket of sockets) socket.destroy()
  await new Promise(resolve => listener.close(resolve))
  expect(heard + lines.join()).not.toMatch(/canary-word/)
})
