import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { until } from '../live-server.ts'
import { serverLinks } from './evidence.ts'
import { proxiedClients } from './proxied-client.ts'

const setup = proxiedClients()
const value = Array.from({ length: 250 }, (_, index) => String(1_000 + index)).join('')

test('a reply that ends in its middle ends the link, and whoever reads gets the whole value or none', async () => {
  const { server, proxy } = setup
  const { client } = await setup.open()
  await client.note({ id: 1 }).set(value)
  const [before] = await serverLinks(server, 'commands')
  const key = client.raw.key({ id: 'plain' })
  await server.ask('SET', key, value)
  await proxy.cut(40)
  const down = proxy.totals.bytesDown
  const plain = client.$command('GETEX', [key])
  const read = client.note({ id: 1 }).get()
  await expect(plain).rejects.toMatchObject({ code: 'DISCONNECTED', outcome: 'unknown' })
  expect(proxy.totals.bytesDown - down).toBe(40)
  await sleep(200)
  await proxy.pass()
  // A read is asked again. After an outage a cache may take what it finds for outdated, but never a part for the whole.
  expect([value, undefined]).toContain(await read)
  expect(await client.$command('GET', [key])).toBe(value)
  const [after] = await serverLinks(server, 'commands')
  expect(after?.id).not.toBe(before?.id)
})

test.each([
  ['a status', ['SET', 'raw:k', 'v'], 'OK'],
  ['a number', ['INCR', 'raw:n'], 1],
  ['text', ['ECHO', value], value],
  ['a list', ['LRANGE', 'raw:list', '0', '-1'], ['a', 'b', 'c']],
  ['nothing', ['GET', 'raw:none'], null],
] as const)('garbage in place of %s ends the link and is nobody’s value', async (_, [name, ...args], right) => {
  const { server, proxy } = setup
  const { client } = await setup.open()
  await server.ask('RPUSH', 'raw:list', 'a', 'b', 'c')
  const calls = () => Promise.allSettled(Array.from({ length: 4 }, () => client.$command(name, args)))
  await proxy.corrupt()
  const garbled = calls()
  await until(() => client.$status.state === 'reconnecting')
  expect(client.$status.error?.code).toBe('PROTOCOL')
  await proxy.pass()
  for (const result of await garbled) {
    // What only reads was asked again, and has its answer.
    if (result.status === 'fulfilled') expect(result.value).toEqual(name === 'INCR' ? expect.any(Number) : right)
    else expect(result.reason).toMatchObject({ code: 'PROTOCOL', outcome: 'unknown' })
  }
  if (name === 'INCR') expect(await client.$command('GET', ['raw:n'])).toBe('4')
  else expect(await client.$command(name, args)).toEqual(right)
  expect((await serverLinks(server, 'commands')).length).toBe(1)
})

test('garbage from the very first byte of a connection keeps no client from healing', async () => {
  const { proxy } = setup
  const { client } = await setup.open()
  await proxy.corrupt()
  proxy.drop()
  await until(() => client.$status.state === 'reconnecting')
  const before = proxy.totals.connections
  await until(() => proxy.totals.connections >= before + 3)
  await expect(client.note({ id: 1 }).get({ deadline: '100ms' })).rejects.toMatchObject({ outcome: 'not-executed' })
  await proxy.pass()
  expect(await client.$command('ECHO', ['well'])).toBe('well')
})
