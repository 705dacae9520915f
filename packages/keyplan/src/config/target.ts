import type { ConnectionOptions } from 'node:tls'
import { type Layer, over, same } from './layer.ts'
import { type Mode, modesOf } from './mode.ts'
import { type Place, placeOf } from './place.ts'
import type { Secret } from './setting.ts'
import { tlsOf } from './tls.ts'
import { type Address, addressOf, type RedisUrl } from './url.ts'

/** How to be let in. The password is asked anew for each connection. */
export interface Access {
  readonly username: string | undefined
  readonly password: Secret | undefined
  readonly tls: ConnectionOptions | undefined
}

/** Which servers make up the one that is meant. */
export interface Target {
  readonly topology: 'standalone' | 'sentinel' | 'cluster'
  /** The server; or the Sentinels that know it; or some nodes of the cluster. */
  readonly addresses: readonly Address[]
  /** Declared read replicas of a standalone server. */
  readonly replicas: readonly Address[]
  readonly access: Access
  /** `connectTimeout` in milliseconds bounds one connection to a Sentinel. */
  readonly sentinel:
    | { readonly master: string; readonly access: Access; readonly connectTimeout: number | undefined }
    | undefined
  /** Most redirections one call of a cluster follows. */
  readonly maxRedirects: number
  /** Where namespaces that allow replicas are read. */
  readonly readFrom: 'master' | 'nearest' | 'any'
  /** What servers call each other, `host:port`, and where this process reaches them. */
  readonly natMap: Readonly<Record<string, string>>
  readonly database: number
  /** Command links for each node. */
  readonly pool: number
  /** The most connections of all kinds to each node, where that was bounded. */
  readonly maxConnections: number | undefined
}

/** More would each carry less: a link takes all calls in flight, and what is written together travels together. */
const mostLinksUnasked = 4

/** The target that the layers describe; undefined when they name none. */
export function resolveTarget(layers: readonly Layer[], problems: string[], warnings: string[]): Target | undefined {
  const all = over(...layers)
  const mode = modesOf(all, problems)
  const place = placeOf(layers, replaced(mode), problems, warnings)
  if (mode && replaced(mode)) {
    const url = all.get('redis.url') ?? all.get('redis.address')
    if (url && !saysNoMore(url.value, mode, all)) {
      warnings.push(`${url.source} is not used: ${mode.source} takes its place`)
    }
  }
  if (mode === undefined && place.server === undefined) return undefined
  return describe(all, mode, place, problems, warnings)
}

/** Whether it takes the place of the one server; a Cluster without addresses begins there. */
const replaced = (mode: Mode | undefined) => mode?.addresses !== undefined

/** Whether a URL only names one of the nodes, for other clients to begin at, so that nothing is lost without it. */
function saysNoMore(url: RedisUrl, { addresses = [] }: Mode, all: Layer): boolean {
  const { username, password, database, sentinels, tls } = url
  if (username !== undefined || password !== undefined || database || sentinels) return false
  if (tls && all.get('redis.tls.enabled')?.value !== true) return false
  return addresses.some(address => same(address, addressOf(url)))
}

function describe(all: Layer, mode: Mode | undefined, place: Place, problems: string[], warnings: string[]): Target {
  const inUrl = place.server?.value.sentinels
  const topology = mode?.topology ?? (inUrl ? 'sentinel' : 'standalone')
  const addresses = mode?.addresses ?? inUrl?.addresses ?? (place.server ? [addressOf(place.server.value)] : [])
  if (addresses.length === 0 && !replaced(mode)) {
    problems.push(`${mode?.source} needs the address of a node: set redis.cluster.addresses or REDIS_CLUSTER_NODES`)
  }
  const tls = tlsOf(all, replaced(mode) ? mode?.server : place.server, mode?.tls, problems, warnings)
  const access = { username: place.username, password: mode?.password ?? place.password, tls }
  const database = place.database?.value ?? 0
  if (topology === 'cluster' && database !== 0) {
    problems.push(`${place.database?.source} asks for a database other than 0, and a Cluster has no other`)
  }
  const size = all.get('redis.pool.size')?.value
  return {
    topology,
    addresses,
    replicas: replicasOf(all, topology, access, problems, warnings),
    access,
    sentinel: topology === 'sentinel' ? sentinelOf(all, mode?.master ?? inUrl?.master ?? '', tls) : undefined,
    maxRedirects: all.get('redis.cluster.options.max_redirects')?.value ?? 16,
    readFrom: readFrom(all, topology, warnings),
    natMap: all.get('redis.nat_map')?.value ?? {},
    database,
    pool: all.get('redis.pool.links')?.value ?? Math.min(size ?? 1, mostLinksUnasked),
    maxConnections: size,
  }
}

function sentinelOf(all: Layer, master: string, tls: ConnectionOptions | undefined): Target['sentinel'] {
  const password = all.get('redis.sentinel.options.password')?.value
  const username = all.get('redis.sentinel.options.username')?.value
  const plain = all.get('redis.sentinel.options.tls')?.value === false
  const connectTimeout = all.get('redis.sentinel.options.dial_timeout')?.value
  return { master, access: { username, password, tls: plain ? undefined : tls }, connectTimeout }
}

function replicasOf(
  all: Layer,
  topology: Target['topology'],
  { password }: Access,
  problems: string[],
  warnings: string[],
): Address[] {
  const enabled = all.get('redis.replicas.enabled')
  const given = all.get('redis.replicas.addresses')
  if (enabled?.value === true && !given && topology === 'standalone') {
    warnings.push(`${enabled.source} asks for read replicas and none is named: all is read from the master`)
  }
  if (!given || enabled?.value === false) return []
  if (topology !== 'standalone') {
    warnings.push(
      `${given.source} is not used: ${topology === 'cluster' ? 'a Cluster' : 'Sentinel'} tells its replicas`,
    )
    return []
  }
  const own = password?.()
  for (const replica of given.value) {
    // They are let in as the server is. Who says otherwise would be disappointed later, and less clearly.
    if (replica.password !== undefined && typeof own !== 'object' && replica.password !== own) {
      problems.push(`${given.source} gives a password other than the server's: replicas share it`)
      break
    }
  }
  return given.value.map(addressOf)
}

function readFrom(all: Layer, topology: Target['topology'], warnings: string[]): Target['readFrom'] {
  const asked = all.get('redis.read_from')
  const replicated = all.get('redis.replicas.enabled')
  const nearest = all.get('redis.cluster.options.route_by_latency')
  const readOnly = all.get('redis.cluster.options.read_only')
  if (asked) return asked.value
  if (topology === 'cluster' && nearest?.value) {
    if (readOnly?.value === false) {
      warnings.push(
        `${nearest.source} reads replicas although ${readOnly.source} says not to: ` +
          'only namespaces that allow replicas are read there',
      )
    }
    return 'nearest'
  }
  return replicated?.value === false || (topology === 'cluster' && readOnly?.value === false) ? 'master' : 'any'
}
