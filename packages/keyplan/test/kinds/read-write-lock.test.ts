import { connectResp, type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { handClock, realClock } from '../../src/base/clock.ts'
import { createBareGuard } from '../../src/guard/guard.ts'
import type { Server } from '../../src/kinds/kind.ts'
import type { Lock } from '../../src/kinds/lock/contract.ts'
import { readWriteLock } from '../../src/kinds/lock/read-write/contract.ts'
import { readWriteLockKind } from '../../src/kinds/lock/read-write/kind.ts'
import { allReadWriteScripts } from '../../src/kinds/lock/read-write/scripts.ts'
import { parsePattern } from '../../src/plan/pattern/parse.ts'
import { leaseMs, type ReadWriteHarness, readWriteConformance } from '../conformance/read-write-lock.ts'
import { connectTo, type LiveServer } from '../live-server.ts'

const pattern = parsePattern('lock:<id>')
let instances = 0

function openOn(server: Server | undefined, clock = realClock, options: { renew?: boolean } = {}) {
  return readWriteLockKind.open(readWriteLock<string>('lock:<id>', { ttl: `${leaseMs}ms`, ...options }), {
    name: 'locks',
    pattern,
    clock,
    instance: `host:1:client-${++instances}`,
    server,
    bare: createBareGuard(),
    notify: () => {},
  })
}

let server: RedisProcess
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())

async function overRedis(): Promise<ReadWriteHarness & { ask(...command: string[]): Promise<unknown> }> {
  const plain = await connectResp({ port: server.port })
  await plain.ask('FLUSHALL')
  const connections: LiveServer[] = []
  const opened: { close(): Promise<void> }[] = []
  return {
    async client(options) {
      const connection = await connectTo(server.port, { scripts: allReadWriteScripts })
      connections.push(connection)
      const namespace = openOn(connection, realClock, options)
      opened.push(namespace)
      return namespace.client
    },
    advance: ms => new Promise(resolve => setTimeout(resolve, ms)),
    ask: plain.ask,
    async close() {
      for (const { close } of opened) await close()
      for (const { close } of connections) await close()
      plain.close()
    },
  }
}

readWriteConformance('Redis', overRedis)

readWriteConformance('memory', async () => {
  const clock = handClock()
  const opened = new Map<boolean, ReturnType<typeof openOn>>()
  // One process: whoever asks for a client that renews gets the same, as two of them share nothing in memory.
  return {
    async client({ renew = true } = {}) {
      const namespace = opened.get(renew) ?? opened.values().next().value ?? openOn(undefined, clock, { renew })
      opened.set(renew, namespace)
      return namespace.client
    },
    advance: ms => clock.advance(ms),
    async close() {
      for (const { close } of opened.values()) await close()
    },
  }
})

describe('a read-write lock on a real server', () => {
  test('leaves nothing behind but its fence, and every key of it has an end', async () => {
    const harness = await overRedis()
    try {
      const client = await harness.client()
      const reader = (await client({ id: 'a' }).read.tryAcquire())!
      expect(await harness.ask('PTTL', '{lock:a}:~readers')).toBeGreaterThan(0)
      const writer = client({ id: 'a' }).write.acquire({ wait: '20s' })
      await new Promise(resolve => setTimeout(resolve, 50))
      for (const key of (await harness.ask('KEYS', '*')) as string[]) {
        expect(await harness.ask('PTTL', key)).toBeGreaterThan(0)
      }
      await reader.release()
      await (await writer)!.release()
      expect(await harness.ask('KEYS', '*')).toEqual(['{lock:<id>}:~fence'])
    } finally {
      await harness.close()
    }
  })

  test('offices and intervals are for locks of one holder alone', async () => {
    const harness = await overRedis()
    try {
      const { read, write } = (await harness.client())({ id: 'a' })
      for (const lock of [read, write] as Lock[]) {
        expect(() => lock.lead(() => {})).toThrow('lead() needs all processes to agree on one holder')
        await expect(lock.oncePer('1h', () => {})).rejects.toMatchObject({ code: 'PARAM_INVALID' })
      }
    } finally {
      await harness.close()
    }
  })

  test('a key of another type fails its own caller alone', async () => {
    const harness = await overRedis()
    try {
      const client = await harness.client()
      await harness.ask('LPUSH', 'lock:list', 'x')
      const [list, other] = await Promise.allSettled([
        client({ id: 'list' }).write.tryAcquire(),
        client({ id: 'b' }).write.tryAcquire(),
      ])
      expect(list).toMatchObject({ status: 'rejected', reason: { code: 'WRONG_TYPE' } })
      expect(other).toMatchObject({ status: 'fulfilled', value: { degraded: false } })
    } finally {
      await harness.close()
    }
  })
})
