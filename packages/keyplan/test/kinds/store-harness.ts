import { setTimeout as sleep } from 'node:timers/promises'
import { connectResp, type RespConnection } from '@keyplan/local'
import type { Call } from '../../src/base/call.ts'
import type { Redis } from '../../src/redis/redis.ts'
import { callFor, type LiveServer } from '../live-server.ts'

interface StoreParts<Store, Options, Client> {
  connectTo(port: number): Promise<LiveServer>
  openStore(redis: Redis): Store
  openClient(server: LiveServer, options?: Options): Client
}

export interface StoreHarness<Store, Options, Client> {
  readonly store: Store
  client(options?: Options): Promise<Client>
  readonly call: (ms?: number) => Call
  advance(ms: number): Promise<void>
  readonly ask: RespConnection['ask']
  close(): Promise<void>
}

/** A real server, emptied before each test, and what was opened on it. */
export async function storeHarness<Store, Options, Client extends { close(): Promise<void> }>(
  port: number,
  { connectTo, openStore, openClient }: StoreParts<Store, Options, Client>,
): Promise<StoreHarness<Store, Options, Client>> {
  const plain = await connectResp({ port })
  await plain.ask('FLUSHALL')
  await plain.ask('CONFIG', 'RESETSTAT')
  const connections: LiveServer[] = []
  const clients: Client[] = []
  async function connected(): Promise<LiveServer> {
    const connection = await connectTo(port)
    connections.push(connection)
    return connection
  }
  return {
    store: openStore((await connected()).redis),
    async client(options) {
      const client = openClient(await connected(), options)
      clients.push(client)
      return client
    },
    call: callFor,
    advance: ms => sleep(ms),
    ask: plain.ask,
    async close() {
      for (const client of clients) await client.close()
      for (const connection of connections) await connection.close()
      plain.close()
    },
  }
}
