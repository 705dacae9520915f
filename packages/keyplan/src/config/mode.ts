import type { Found, Layer } from './layer.ts'
import type { Secret } from './setting.ts'
import { type Address, addressOf, type RedisUrl } from './url.ts'

/** What takes the place of the one server. */
export interface Mode {
  readonly topology: 'standalone' | 'sentinel' | 'cluster'
  /** Who asks for it. */
  readonly source: string
  /** Undefined where the one server is the first node. */
  readonly addresses: readonly Address[] | undefined
  /** The first of the addresses, as it was written. */
  readonly server: Found<RedisUrl> | undefined
  readonly master?: string | undefined
  readonly password?: Secret | undefined
  readonly tls?: Found<boolean> | undefined
}

/** The mode that is enabled, if any. Two at once are a problem. */
export function modesOf(layer: Layer, problems: string[]): Mode | undefined {
  const sentinel = layer.get('redis.sentinel.enabled')
  const cluster = layer.get('redis.cluster.enabled')
  const elasticache = layer.get('redis.elasticache.enabled')
  const asked = [sentinel, cluster, elasticache].filter(found => found?.value === true)
  if (asked.length > 1) {
    const sources = asked.map(found => found!.source)
    problems.push(`${sources.join(' and ')} are enabled at once: write enabled: false to all but one of them`)
    return undefined
  }
  if (elasticache?.value) return elasticacheMode(layer, elasticache.source, problems)
  const nodes = layer.get('redis.cluster.addresses')
  const sentinels = layer.get('redis.sentinel.addresses')
  if (asked.length === 0 && sentinels && sentinel?.value !== false && nodes && cluster?.value !== false) {
    problems.push(`${sentinels.source} and ${nodes.source} are given at once: leave one of them out`)
    return undefined
  }
  if (sentinel?.value || (sentinels && sentinel?.value !== false && !cluster?.value)) {
    return sentinelMode(layer, (sentinel ?? sentinels)!.source, problems)
  }
  if (cluster?.value || (nodes && cluster?.value !== false)) {
    return {
      topology: 'cluster',
      source: (cluster ?? nodes)!.source,
      addresses: nodes?.value.map(addressOf),
      server: nodes && { value: nodes.value[0]!, source: nodes.source },
    }
  }
  return undefined
}

function sentinelMode(layer: Layer, source: string, problems: string[]): Mode {
  const master = layer.get('redis.sentinel.master_name')
  const sentinels = layer.get('redis.sentinel.addresses')
  if (!master) problems.push(required(layer, 'redis.sentinel.master_name', source))
  if (!sentinels) problems.push(required(layer, 'redis.sentinel.addresses', source))
  return {
    topology: 'sentinel',
    source,
    addresses: sentinels?.value.map(addressOf) ?? [],
    server: sentinels && { value: sentinels.value[0]!, source: sentinels.source },
    master: master?.value,
  }
}

function elasticacheMode(layer: Layer, source: string, problems: string[]): Mode {
  const clustered = layer.get('redis.elasticache.cluster_mode.enabled')?.value === true
  const path = 'redis.elasticache.endpoint'
  const endpoint =
    (clustered ? layer.get('redis.elasticache.cluster_mode.configuration_endpoint') : undefined) ?? layer.get(path)
  if (!endpoint) problems.push(required(layer, path, source))
  const token = layer.get('redis.elasticache.auth_token')
  const transit = layer.get('redis.elasticache.encryption.in_transit')
  if (token && transit?.value === false) {
    problems.push(
      `${token.source} needs TLS, which ${transit.source} turns off: ElastiCache takes a token only over TLS`,
    )
  }
  const port = layer.get('redis.elasticache.port')?.value
  const asksTls = transit ?? (token && { value: true, source: token.source })
  return {
    topology: clustered ? 'cluster' : 'standalone',
    source,
    addresses: endpoint ? [withPort(endpoint, port)] : [],
    server: endpoint,
    password: token?.value,
    tls: asksTls,
  }
}

/** An endpoint is mostly written without its port. */
function withPort({ value }: Found<RedisUrl>, port: number | undefined): Address {
  const address = addressOf(value)
  return address.host !== undefined && port !== undefined && address.port === 6379
    ? { host: address.host, port }
    : address
}

function required(layer: Layer, path: string, source: string): string {
  const unset = layer.unset?.(path) ?? []
  const why = unset.length > 0 ? ` (${unset.join(', ')} ${unset.length > 1 ? 'are' : 'is'} not set)` : ''
  return `${path} is not set, and ${source} needs it${why}`
}
