import type { Layer } from './layer.ts'
import type { Secret } from './setting.ts'
import { isGroup } from './value.ts'

/** A user of the server's own access control list. */
export interface AclUser {
  readonly name: string
  readonly password: Secret | undefined
  readonly commands: readonly string[]
  readonly keys: readonly string[]
  readonly channels: readonly string[]
}

/** What only the server can be told: generated into its own files, and compared with what it says. */
export interface ServerConfiguration {
  /** Bytes. */
  readonly maxMemory: number | undefined
  /** Such as `allkeys-lru`. */
  readonly maxMemoryPolicy: string | undefined
  readonly maxClients: number | undefined
  readonly bind: readonly string[] | undefined
  readonly protectedMode: boolean | undefined
  /** New names of commands; an empty one disables. */
  readonly renameCommands: Readonly<Record<string, string>> | undefined
  readonly acl: { readonly enabled: boolean; readonly users: readonly AclUser[] } | undefined
  /** Milliseconds; of the Sentinels' own configuration. */
  readonly failoverTimeout: number | undefined
  readonly encryptionAtRest: boolean | undefined
  /** Names of metrics to watch. */
  readonly metrics: readonly string[] | undefined
}

export function serverConfigurationOf(layer: Layer): ServerConfiguration {
  const eviction = groupAt(layer.get('cache')?.value, 'eviction')
  return {
    maxMemory: layer.get('redis.max_memory')?.value ?? memoryOf(eviction.max_memory),
    maxMemoryPolicy: textOf(eviction.policy),
    maxClients: layer.get('redis.max_clients')?.value,
    bind: layer.get('redis.bind')?.value,
    protectedMode: layer.get('redis.protected_mode')?.value,
    renameCommands: layer.get('redis.rename_commands')?.value,
    acl: aclOf(layer.get('redis.acl')?.value),
    failoverTimeout: layer.get('redis.sentinel.options.failover_timeout')?.value,
    encryptionAtRest: layer.get('redis.elasticache.encryption.at_rest')?.value,
    metrics: layer.get('metrics') && textsOf(layer.get('metrics')?.value),
  }
}

function aclOf(tree: unknown): ServerConfiguration['acl'] {
  if (!isGroup(tree)) return undefined
  const users = Array.isArray(tree.users) ? tree.users.filter(isGroup) : []
  return {
    enabled: tree.enabled !== false && tree.enabled !== 'false',
    users: users.map(({ name, password, commands, keys, channels }) => {
      const secret = textOf(password)
      return {
        name: textOf(name) ?? '',
        password: secret === undefined ? undefined : () => secret,
        commands: textsOf(commands),
        keys: textsOf(keys),
        channels: textsOf(channels),
      }
    }),
  }
}

const unitBytes = { '': 1, b: 1, kb: 1_024, mb: 1_048_576, gb: 1_073_741_824 } as const

function memoryOf(value: unknown): number | undefined {
  const [, number, unit = ''] = /^(\d+)(b|kb|mb|gb)?$/i.exec(String(value ?? '')) ?? []
  return number === undefined ? undefined : Number(number) * unitBytes[unit.toLowerCase() as keyof typeof unitBytes]
}

function groupAt(tree: unknown, name: string): Record<string, unknown> {
  const group = isGroup(tree) ? tree[name] : undefined
  return isGroup(group) ? group : {}
}

const textOf = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined)

const textsOf = (value: unknown) => (Array.isArray(value) ? value.filter(item => typeof item === 'string') : [])
