import type { Found, Layer } from './layer.ts'
import { same } from './layer.ts'
import { passwordOf } from './password.ts'
import type { Secret } from './setting.ts'
import type { RedisUrl } from './url.ts'

/** Who is let in where, as the layers have it. */
export interface Place {
  /** Undefined when nobody names a server. */
  readonly server: Found<RedisUrl> | undefined
  readonly username: string | undefined
  readonly password: Secret | undefined
  readonly database: Found<number> | undefined
}

/** Whether a layer says where a server is. */
export function namesServer(layer: Layer): boolean {
  return (['redis.url', 'redis.address', 'redis.host'] as const).some(path => layer.get(path)) || modeOf(layer)
}

function modeOf(layer: Layer): boolean {
  return (
    layer.get('redis.sentinel.addresses') !== undefined ||
    layer.get('redis.cluster.addresses') !== undefined ||
    layer.get('redis.elasticache.enabled')?.value === true
  )
}

/**
 * The server of the first layer that names one by URL, address or host, in this order. Users, passwords and databases
 * may come from another layer each; within a layer the URL's own count, and what else is said of them only fills in.
 *
 * @param replaced another mode takes the place of the server: a URL gives nothing then
 */
export function placeOf(layers: readonly Layer[], replaced: boolean, problems: string[], warnings: string[]): Place {
  const urlOf = (layer: Layer) => (replaced ? undefined : layer.get('redis.url'))
  return {
    server: replaced ? undefined : serverOf(layers, warnings),
    username: first(layers, layer => urlOf(layer)?.value.username ?? layer.get('redis.username')?.value),
    password: first(layers, layer => passwordOf(layer, urlOf(layer), problems, warnings)),
    database: first(layers, layer => {
      const url = urlOf(layer)
      const db = layer.get('redis.db')
      if (url?.value.database === undefined) return db
      const found = { value: url.value.database, source: url.source }
      if (db && db.value !== found.value) warnings.push(disagree(found.source, db.source, 'the database'))
      return found
    }),
  }
}

function serverOf(layers: readonly Layer[], warnings: string[]): Found<RedisUrl> | undefined {
  for (const layer of layers) {
    const host = layer.get('redis.host')
    const port = layer.get('redis.port')
    const parts = host && {
      value: { tls: false, host: host.value.replace(/^\[|\]$/g, ''), port: port?.value ?? 6379 },
      source: host.source,
    }
    const all = [layer.get('redis.url'), layer.get('redis.address'), parts].filter(found => found !== undefined)
    const [server, ...others] = all
    for (const other of others) {
      if (server && !same(listensAt(server.value), listensAt(other.value))) {
        warnings.push(disagree(server.source, other.source, 'the address'))
      }
    }
    if (server) return server
  }
  return first(layers, layer => {
    const port = layer.get('redis.port')
    return port && { value: { tls: false, host: '127.0.0.1', port: port.value }, source: port.source }
  })
}

const listensAt = ({ host, port, path }: RedisUrl) => [host, port, path]

const disagree = (counts: string, other: string, of: string) =>
  `${counts} and ${other} disagree on ${of}: ${counts} counts`

function first<T>(layers: readonly Layer[], read: (layer: Layer) => T | undefined): T | undefined {
  for (const layer of layers) {
    const found = read(layer)
    if (found !== undefined) return found
  }
  return undefined
}
