import { formatDuration } from '../base/duration.ts'
import { type Found, type Layer, over } from './layer.ts'
import type { Role } from './option-layer.ts'
import type { Setting } from './setting.ts'
import { ofRole, type Path, table } from './table/table.ts'
import { addressOf, type RedisUrl } from './url.ts'

/** A setting as `keyplan config` shows it. */
export interface ExplainedSetting {
  readonly setting: string
  /** As text. A secret is masked, whatever it is. */
  readonly value: string
  /** `url` of the options, `REDIS_URL`, `keyplan.yaml: redis.url`, or `default`. */
  readonly source: string
  /** Why it is not simply obeyed, where it is not. */
  readonly note?: string
}

const masked = '(secret)'

/** Every setting that has a value, by itself or by default, those of the roles after those of all. */
export function explainLayers(
  all: Layer,
  roles: Readonly<Record<Role, Partial<Record<'code' | 'file', Layer | undefined>>>>,
): ExplainedSetting[] {
  const rows = (layer: Layer, prefix: string, settings: readonly Setting[]) =>
    settings.flatMap(setting => {
      const { path, effect, means } = setting
      const found = layer.get(path as Path) as Found<unknown> | undefined
      const byDefault = prefix === '' ? setting.default : undefined
      if (!found && byDefault === undefined) return []
      return [
        {
          setting: prefix === '' ? path : path.replace(/^redis\./, prefix),
          value: found ? shownValue(setting, found.value) : byDefault!,
          source: found?.source ?? 'default',
          ...((effect === 'none' || effect === 'server') && { note: means }),
        },
      ]
    })
  const settings: readonly Setting[] = table
  return [
    ...rows(all, '', settings),
    ...Object.entries(roles).flatMap(([role, { code, file }]) =>
      rows(
        over(...[code, file].filter(layer => layer !== undefined)),
        `servers.${role}.`,
        settings.filter(({ path }) => ofRole.has(path)),
      ),
    ),
  ]
}

function shownValue({ kind }: Setting, value: unknown): string {
  switch (kind) {
    case 'secret':
      return masked
    case 'duration':
      return formatDuration(value as number)
    case 'url':
    case 'server':
      return serverText(value as RedisUrl)
    case 'servers':
      return (value as readonly RedisUrl[]).map(serverText).join(', ')
    case 'tls':
    case 'tree':
      return Object.keys(value as object).join(', ')
    case 'words':
      return (value as readonly string[]).join(' ')
    case 'map':
      return Object.entries(value as object)
        .map(pair => pair.join(' → '))
        .join(', ')
    default:
      return String(value)
  }
}

function serverText(server: RedisUrl): string {
  const addresses = (server.sentinels?.addresses ?? [addressOf(server)]).map(({ host, port, path }) =>
    path === undefined ? `${host.includes(':') ? `[${host}]` : host}:${port}` : path,
  )
  const user = server.username ?? ''
  const credentials = server.password === undefined ? user : `${user}:${masked}`
  const database = server.database === undefined ? '' : `/${server.database}`
  const master = server.sentinels ? `?sentinelMasterId=${server.sentinels.master}` : ''
  const scheme = server.tls ? 'rediss' : server.path === undefined ? 'redis' : 'unix'
  return `${scheme}://${credentials === '' ? '' : `${credentials}@`}${addresses.join(',')}${database}${master}`
}
