import { kindOf } from '../base/error.ts'
import { groupProblems } from '../base/option-group.ts'
import { type Layer, readLayer } from './layer.ts'
import type { ConnectOptions, ServerOptions } from './options.ts'
import type { Setting } from './setting.ts'
import { ofRole, table } from './table/table.ts'
import { isGroup } from './value.ts'

/** The two parts a server may play: for kinds that may be evicted, and for kinds that must not be. */
export const roles = ['cache', 'durable'] as const

export type Role = (typeof roles)[number]

const isSource = (value: unknown) => value === true || (typeof value === 'string' && value !== '')

/** Options that are no settings of the table. */
const others: Readonly<Record<string, { fits: (value: unknown) => boolean; remedy: string }>> = {
  log: {
    fits: value => value === false || typeof value === 'function',
    remedy: 'a function of a level and a line, or false',
  },
  config: { fits: isSource, remedy: 'the path of a file, or true' },
  envFile: { fits: isSource, remedy: 'the path of a file, or true' },
  servers: { fits: () => true, remedy: '' },
}

/** What the options of `connect` say, and one sentence for each that is unknown or of the wrong kind. */
export function optionLayer(options: ConnectOptions, problems: string[]): Layer {
  for (const [name, { fits, remedy }] of Object.entries(others)) {
    const value: unknown = options[name as keyof ConnectOptions]
    if (value !== undefined && !fits(value)) problems.push(`${name} is ${kindOf(value)}; write ${remedy}`)
  }
  return read(options, '', () => true, Object.keys(others), problems)
}

/** What they say of the server of one role. */
export function optionRole(options: ConnectOptions, role: Role, problems: string[]): Layer | undefined {
  const server: unknown = options.servers?.[role]
  if (server === undefined) return undefined
  return read(server as ServerOptions, `servers.${role}.`, path => ofRole.has(path), [], problems)
}

export function roleProblems(options: ConnectOptions): string[] {
  return options.servers === undefined ? [] : groupProblems(options.servers, 'servers', [...roles, 'quorum'])
}

function read(
  options: object,
  prefix: string,
  wanted: (path: string) => boolean,
  besides: readonly string[],
  problems: string[],
): Layer {
  const names = (table as readonly Setting[]).flatMap(({ path, option }) => (option && wanted(path) ? [option] : []))
  problems.push(...shapeProblems(options, prefix, names, besides))
  const layer = readLayer(
    wanted,
    ({ option }) => {
      if (!option || !isGroup(options)) return []
      return [{ raw: valueAt(options, option), name: `${prefix}${option}`, byCode: true }]
    },
    problems,
  )
  return { ...layer, byCode: true }
}

/** What is wrong before any value is looked at: names that are none, and groups that are no objects. */
function shapeProblems(options: object, prefix: string, names: string[], besides: readonly string[]): string[] {
  const firsts = [...new Set([...names.map(name => name.split('.', 1)[0]!), ...besides])]
  const problems = groupProblems(options, prefix.slice(0, -1), firsts)
  if (!isGroup(options)) return problems
  for (const first of firsts) {
    const within = names.filter(name => name.startsWith(`${first}.`)).map(name => name.slice(first.length + 1))
    const value = options[first]
    if (within.length === 0 || value === undefined || besides.includes(first)) continue
    problems.push(...groupProblems(value, `${prefix}${first}`, within))
    // Without them nothing would say where to look, and the client would quietly run alone.
    if (within.includes('addresses') && isGroup(value) && value.addresses === undefined) {
      problems.push(`${prefix}${first} has no addresses; write a list such as ['host:6379']`)
    }
  }
  return problems
}

function valueAt(options: Record<string, unknown>, name: string): unknown {
  const [first = '', second] = name.split('.')
  const value = options[first]
  if (second === undefined) return value
  return isGroup(value) ? value[second] : undefined
}
