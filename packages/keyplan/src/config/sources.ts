import { environmentLayer, type Variables } from './environment.ts'
import { type Layer, without } from './layer.ts'
import { optionLayer, type Role } from './option-layer.ts'
import type { ConnectOptions } from './options.ts'
import { namesServer } from './place.ts'
import { ofServer } from './table/table.ts'

/** What a configuration file says, read for one environment. */
export interface FileLayers {
  readonly layer: Layer
  readonly roles: Readonly<Partial<Record<Role, Layer>>>
  readonly warnings: readonly string[]
}

/** Where settings come from, besides the options of `connect`. */
export interface Sources {
  readonly variables: Variables
  /** `production` and the like. */
  readonly environment: string
  readonly file?: FileLayers | undefined
  /** How the report of problems begins. Default: `cannot connect`. */
  readonly what?: string | undefined
  /** What is wrong with the sources themselves. */
  readonly problems?: readonly string[]
}

/** `KEYPLAN_ENV`, else `NODE_ENV`, else development. */
export function environmentOf(values: Variables['values']): string {
  return values.KEYPLAN_ENV?.trim() || values.NODE_ENV?.trim() || 'development'
}

/** A server that is named among the options is that server alone: nothing of another is given to it. */
export function layersOf(options: ConnectOptions, sources: Sources, problems: string[], warnings: string[]): Layer[] {
  const { values } = sources.variables
  // Who passes the environment's URL on means what the environment means.
  const passedOn = [values.REDIS_URL, values.REDIS_URI].some(url => url?.trim() && url === options.url)
  const { url, ...others } = options
  const code = optionLayer(passedOn ? others : options, problems)
  const alone = namesServer(code) || options.memory === true
  if (namesServer(code) && options.memory === true) {
    problems.push('url names a server and memory asks for none: leave one of them out')
  }
  const only = (path: string) => path === 'redis.enabled'
  const enabled = environmentLayer(sources.variables, only, [], []).get('redis.enabled')
  const off = options.memory === undefined && enabled?.value === false
  const wanted = (path: string) => !((alone || off) && ofServer.has(path))
  const environment = environmentLayer(sources.variables, wanted, problems, warnings)
  const file = sources.file?.layer
  return [code, environment, ...(file ? [alone ? without(file, ofServer) : file] : [])]
}

export function memoryOf(options: ConnectOptions, all: Layer, warnings: string[]): boolean {
  if (options.memory !== undefined) return options.memory === true
  const enabled = all.get('redis.enabled')
  if (enabled?.value !== false) return all.get('memory')?.value === true
  warnings.push(`${enabled.source} turns Redis off: this process runs alone`)
  return true
}
