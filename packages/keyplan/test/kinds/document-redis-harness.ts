import { realClock } from '../../src/base/clock.ts'
import { createBareGuard } from '../../src/guard/guard.ts'
import { document } from '../../src/kinds/document/contract.ts'
import { documentKind } from '../../src/kinds/document/kind.ts'
import { documentNames } from '../../src/kinds/document/names.ts'
import { createRedisDocumentStore } from '../../src/kinds/document/redis.ts'
import type { Server } from '../../src/kinds/kind.ts'
import { parsePattern } from '../../src/plan/pattern/parse.ts'
import type { Redis } from '../../src/redis/redis.ts'
import { type DocumentClient, type DocumentTestOptions, declared } from '../conformance/document.ts'
import { connectTo as connectToServer } from '../live-server.ts'
import { storeHarness } from './store-harness.ts'

const pattern = parsePattern('doc:<id>')

const connectTo = (port: number) => connectToServer(port, { name: 'keyplan:documents', scripts: documentKind.scripts })

let instances = 0

export function openClient(server: Server, options: DocumentTestOptions = {}): DocumentClient {
  const { client, close } = documentKind.open(document('doc:<id>', { ...declared, ...options }) as never, {
    name: 'boards',
    pattern,
    clock: realClock,
    instance: `client-${++instances}`,
    server,
    bare: createBareGuard(),
    notify: () => {},
  })
  return { boards: client as unknown as DocumentClient['boards'], close }
}

const openStore = (redis: Redis) =>
  createRedisDocumentStore(redis, documentNames(pattern), document('doc:<id>', declared).options)

export const redisHarness = (port: number) => storeHarness(port, { connectTo, openStore, openClient })
