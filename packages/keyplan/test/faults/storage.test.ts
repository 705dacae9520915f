import { NoSmallDisk, type RedisOnSmallDisk, startOnSmallDisk } from '@keyplan/local'
import { expect, onTestFinished, test } from 'vitest'
import { becomes, ending, figure, open, refusals } from './client-under-fault.ts'
import { openLedger } from './ledger.ts'

const bytes = 2_000_000

/** Undefined where this machine mounts no disk for tests, which `npm test` then says. */
async function onSmallDisk(options: Parameters<typeof startOnSmallDisk>[0]): Promise<RedisOnSmallDisk | undefined> {
  try {
    const server = await startOnSmallDisk(options)
    onTestFinished(server.cleanUp)
    return server
  } catch (error) {
    if (!(error instanceof NoSmallDisk)) throw error
    console.warn(`not tested, since no small disk can be mounted: ${error.message}`)
    return undefined
  }
}

const stored = { code: 'STORAGE', outcome: 'not-executed' }

test('a server that cannot save refuses writes and serves reads, also to a client that comes then', async () => {
  const server = await onSmallDisk({ bytes, args: { save: '3600 1' } })
  if (!server) return
  const { client, told } = await open(server.url)
  const lost = told('reconnecting')
  await client.page({ id: 1 }).set('text')
  await server.fill()
  await server.ask('BGSAVE')
  await becomes(async () => (await figure(server, 'rdb_last_bgsave_status')) === 'err')

  expect(await ending(client.page({ id: 1 }).set('new', { deadline: '300ms' }), 300)).toMatchObject(stored)
  expect(await ending(client.door({ id: 1 }).tryAcquire({ deadline: '300ms' }), 300)).toMatchObject(stored)
  expect(await ending(client.$command('incr', ['n'], { deadline: '300ms' }), 300)).toMatchObject(stored)
  // Even PING is refused then, which is what a link in trouble would be asked.
  expect(await ending(client.$command('ping', [], { deadline: '300ms' }), 300)).toMatchObject(stored)
  expect(await client.page({ id: 1 }).get()).toBe('text')
  const { client: newcomer } = await open(server.url, { start: 'required' })
  expect(await newcomer.page({ id: 1 }).get()).toBe('text')
  expect(client.$status).toMatchObject({ state: 'connected', breaker: 'closed' })
  expect(await refusals(server, 'MISCONF')).toBeGreaterThan(3)

  const patient = client.$command('incr', ['n'], { deadline: '20s' })
  await server.free()
  await server.ask('BGSAVE')
  expect(await patient).toBe(1)
  expect(await figure(server, 'rdb_last_bgsave_status')).toBe('ok')
  expect(lost).toEqual([])
})

test('an append-only file that cannot grow: writes are refused until it can, and then taken without a word', async () => {
  const server = await onSmallDisk({ bytes, appendonly: true, args: { appendfsync: 'everysec' } })
  if (!server) return
  using ledger = openLedger()
  const { client } = await open(server.url)
  await client.page({ id: 1 }).set('text')
  await server.fill()
  let write = 0
  const add = () => {
    const id = `${++write}`
    return ledger.run(id, () => client.$command('sadd', ['all', id, 'x'.repeat(500) + id], { deadline: '200ms' }))
  }
  // The last page of the file and the buffer before it still take some.
  while ((await add()) === 'done');
  expect(ledger.errors.at(-1)).toMatchObject(stored)
  expect(await client.page({ id: 1 }).get()).toBe('text')
  expect(client.$status).toMatchObject({ state: 'connected', breaker: 'closed' })
  expect(await refusals(server, 'MISCONF')).toBeGreaterThan(0)
  expect(await figure(server, 'aof_last_write_status')).toBe('err')
  await server.free()
  const healed = ledger.run('healed', () => client.$command('sadd', ['all', 'healed'], { deadline: '20s' }))
  expect(await healed).toBe('done')
  for (const id of ledger.ids('done')) expect(await server.ask('SISMEMBER', 'all', id)).toBe(1)
  for (const id of ledger.ids('failed')) expect(await server.ask('SISMEMBER', 'all', id)).toBe(0)
  expect(ledger.open()).toEqual([])
})

test('a server that must sync each write and cannot ends itself: nothing that was acknowledged is missing', async () => {
  const server = await onSmallDisk({ bytes, appendonly: true, args: { appendfsync: 'always' } })
  if (!server) return
  using ledger = openLedger()
  const { client } = await open(server.url)
  for (let index = 0; index < 20; index++) {
    expect(await ledger.run(`${index}`, () => client.$command('sadd', ['all', `${index}`]))).toBe('done')
  }
  await server.fill()
  const writers = Array.from({ length: 20 }, async (_, writer) => {
    for (let index = 0; server.running; index++) {
      const id = `${writer}/${index}`
      const ended = await ledger.run(id, () =>
        client.$command('sadd', ['all', id, 'x'.repeat(900) + id], { deadline: '1s' }),
      )
      if (ended !== 'done') break
    }
  })
  await Promise.all(writers)
  await becomes(() => !server.running)
  expect(server.log(50).join('\n')).toMatch(/can't recover from AOF write error|No space left/i)
  await server.free()
  await server.restart()
  await becomes(() => client.$status.state === 'connected')
  for (const id of ledger.ids('done')) expect(await server.ask('SISMEMBER', 'all', id)).toBe(1)
  for (const id of ledger.ids('failed')) expect(await server.ask('SISMEMBER', 'all', id)).toBe(0)
  expect(ledger.open()).toEqual([])
})
