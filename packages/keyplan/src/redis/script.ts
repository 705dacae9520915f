import { createHash } from 'node:crypto'
import type { Argument, Reply } from './redis.ts'

/** `...name` declares a list that takes the rest; it may only come last. */
type Named<Names extends string, Single, List> = {
  readonly [Name in Names as Name extends `...${infer Rest}` ? Rest : Name]: Name extends `...${string}` ? List : Single
}

export type ScriptKeys<K extends string> = Named<K, string, readonly string[]>
export type ScriptArgs<A extends string> = Named<A, Argument, readonly Argument[]>

/** A Lua script with named keys and arguments, hashed once. */
export interface Script<K extends string = string, A extends string = string, R = unknown> {
  readonly name: string
  readonly sha: string
  /** The source as the server gets it: a preamble that names KEYS and ARGV, then the body. */
  readonly source: string
  readonly keys: readonly K[]
  readonly args: readonly A[]
  /** What the values of keys and arguments are named: the same without dots. */
  readonly fields: { readonly keys: readonly string[]; readonly args: readonly string[] }
  /** Reads the raw reply. */
  readonly reply: (reply: Reply) => R
}

interface ScriptDefinition<K extends string, A extends string, R> {
  name: string
  keys: readonly K[]
  args: readonly A[]
  reply: (reply: Reply) => R
  /** The body. Keys and arguments are locals under their declared names; arguments are strings. No shebang. */
  lua: string
}

/** Names the entries of KEYS or ARGV as Lua locals; a list is the table itself when nothing stands before it. */
function preamble(names: readonly string[], table: 'KEYS' | 'ARGV'): string {
  return names
    .map((name, index) => {
      if (!name.startsWith('...')) return `local ${name} = ${table}[${index + 1}]\n`
      return `local ${fieldOf(name)} = ${index === 0 ? table : `{ unpack(${table}, ${index + 1}) }`}\n`
    })
    .join('')
}

/**
 * Defines a script. `redis.evaluate` then takes its keys and arguments by name, so that no caller counts positions.
 * A script that must work at maxmemory begins with its freeing write.
 */
export function script<const K extends string, const A extends string, R>(
  definition: ScriptDefinition<K, A, R>,
): Script<K, A, R> {
  const { name, keys, args, reply, lua } = definition
  const source = `${preamble(keys, 'KEYS')}${preamble(args, 'ARGV')}${lua.trim()}\n`
  const fields = { keys: keys.map(fieldOf), args: args.map(fieldOf) }
  return { name, keys, args, fields, reply, source, sha: createHash('sha1').update(source).digest('hex') }
}

const fieldOf = (name: string) => (name.startsWith('...') ? name.slice(3) : name)

/** The EVALSHA argument list of one call. */
export function scriptArguments<K extends string, A extends string>(
  { sha, fields }: Pick<Script<K, A>, 'sha' | 'keys' | 'args' | 'fields'>,
  keyValues: ScriptKeys<K>,
  argValues: ScriptArgs<A>,
): Argument[] {
  const list: Argument[] = [sha, 0]
  append(list, fields.keys, keyValues)
  list[1] = list.length - 2
  append(list, fields.args, argValues)
  return list
}

function append(list: Argument[], names: readonly string[], values: object): void {
  const byName = values as Record<string, Argument | readonly Argument[]>
  for (const name of names) {
    const value = byName[name]
    if (Array.isArray(value)) for (const item of value) list.push(item)
    else list.push(value as Argument)
  }
}
