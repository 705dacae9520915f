import type { Login } from '../server/login.ts'
import { quoted } from '../server/quoted.ts'
import type { Directives } from '../server/redis-configuration.ts'
import type { RedisProcess } from '../server/redis-process.ts'
import { clientPort } from '../topology/topology.ts'

/** What INFO replication says. */
export async function replicationOf(node: RedisProcess): Promise<ReadonlyMap<string, string>> {
  const text = String(await node.ask('INFO', 'replication'))
  return new Map(text.split('\r\n').flatMap(line => (line.includes(':') ? [split(line)] : [])))
}

function split(line: string): [string, string] {
  const colon = line.indexOf(':')
  return [line.slice(0, colon), line.slice(colon + 1)]
}

/** Any node may become a replica of any other, so each knows how to log in; a full sync begins without a delay. */
export function replicationDirectives(login: Login | undefined): Directives {
  return {
    'repl-diskless-sync-delay': 0,
    ...(login && { masterauth: quoted(login.password) }),
    ...(login?.user !== undefined && { masteruser: login.user }),
  }
}

/** The same for nodes that tell each other and Sentinels where clients find them. */
export function announced(login: Login | undefined, master: RedisProcess | undefined) {
  return (port: number): Directives => ({
    ...replicationDirectives(login),
    'replica-announce-ip': '127.0.0.1',
    'replica-announce-port': port,
    ...(master && { replicaof: `127.0.0.1 ${clientPort(master)}` }),
  })
}

/** Why the node is not a replica with a sound link, or undefined when it is one. */
export async function brokenLink(replica: RedisProcess): Promise<string | undefined> {
  const replication = await replicationOf(replica)
  if (replication.get('role') !== 'slave') return 'is no replica'
  const link = replication.get('master_link_status')
  return link === 'up' ? undefined : `has a replication link that is ${link}`
}

/** How long replicas may take to confirm, in milliseconds. */
const confirmWithin = 100

/**
 * Why the node is not a master with so many replicas in step, or undefined when it is one. A master calls a replica online to
 * which it sends nothing yet, for up to a second if it missed its first word: so they confirm something that was written, a
 * message that nobody hears.
 */
export async function lackingMaster(node: RedisProcess, replicas: number): Promise<string | undefined> {
  const replication = await replicationOf(node)
  if (replication.get('role') !== 'master') return 'is no master'
  const online = [...replication].filter(([name, value]) => /^slave\d/.test(name) && value.includes('state=online'))
  const inStep = online.length === replicas ? await confirming(node, replicas) : online.length
  return inStep === replicas ? undefined : `has ${inStep} of ${replicas} replicas in step`
}

async function confirming(master: RedisProcess, replicas: number): Promise<number> {
  const connection = await master.connect()
  try {
    await connection.ask('PUBLISH', '~in-step', '')
    return Number(await connection.ask('WAIT', String(replicas), String(confirmWithin)))
  } finally {
    connection.close()
  }
}
