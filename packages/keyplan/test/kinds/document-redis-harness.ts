import { setTimeout as sleep } from 'node:timers/promises'
import { connectResp, type RespConnection } from '@keyplan/local'
import { realClock } from '../../src/base/clock.ts'
import { createBareGuard } from '../../src/guard/guard.ts'
import { document } from '../../src/kinds/document/contract.ts'
import { documentKind } from '../../src/kinds/document/kind.ts'
import type { Server } from '../../src/kinds/kind.ts'
import { parsePattern } from '../../src/plan/pattern/parse.ts'
import {
  type DocumentClient,
  type DocumentHarness,
  type DocumentTestOptions,
  declared,
} from '../conformance/document.ts'
import { connectTo, type LiveServer } from '../live-server.ts'

let instances = 0

export function openClient(server: Server | undefined, options: DocumentTestOptions = {}): DocumentClient {
  const { client, close } = documentKind.open(document('doc:<id>', { ...declared, ...options }) as never, {
    name: 'boards',
    pattern: parsePattern('doc:<id>'),
    clock: realClock,
    instance: `client-${++instances}`,
    server,
    bare: createBareGuard(),
    notify: () => {},
  })
  return { boards: client as unknown as DocumentClient['boards'], close }
}

/** A real server, emptied between tests, and what was opened on it. */
export async function redisHarness(port: number): Promise<DocumentHarness & { ask: RespConnection['ask'] }> {
  const plain = await connectResp({ port })
  await plain.ask('FLUSHALL')
  await plain.ask('CONFIG', 'RESETSTAT')
  const connections: LiveServer[] = []
  const clients: DocumentClient[] = []
  return {
    async client(options) {
      const connection = await connectTo(port, { name: 'keyplan:documents', scripts: documentKind.scripts })
      connections.push(connection)
      const client = openClient(connection, options)
      clients.push(client)
      return client
    },
    advance: ms => sleep(ms),
    ask: plain.ask,
    async close() {
      for (const client of clients) await client.close()
      for (const connection of connections) await connection.close()
      plain.close()
    },
  }
}
