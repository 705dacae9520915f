import type { Argument } from './redis.ts'

/** The commands of the library itself, whose first key needs no search: where it stands among the arguments. */
const places: Readonly<Record<string, number>> = {
  get: 0,
  mget: 0,
  set: 0,
  del: 0,
  unlink: 0,
  pttl: 0,
  evalsha: 2,
  eval: 2,
}

/** Where commands say how many keys follow. The table of ioredis counts that far, whatever the number is. */
const counts: Readonly<Record<string, number>> = {
  eval: 1,
  eval_ro: 1,
  evalsha: 1,
  evalsha_ro: 1,
  fcall: 1,
  fcall_ro: 1,
  blmpop: 1,
  bzmpop: 1,
  zunionstore: 1,
  zinterstore: 1,
  zdiffstore: 1,
  lmpop: 0,
  zmpop: 0,
  zunion: 0,
  zinter: 0,
  zdiff: 0,
  zintercard: 0,
  sintercard: 0,
  sunioncard: 0,
  sdiffcard: 0,
  msetex: 0,
}

let table: typeof import('@ioredis/commands') | undefined

/** Loads what is known of all commands. It comes with the first connection. */
export async function loadCommandTable(): Promise<void> {
  table ??= await import('@ioredis/commands')
}

/** Whether a command certainly changes nothing. */
export function isReadOnly(command: string): boolean {
  const name = command.toLowerCase()
  return table?.exists(name) === true && table.hasFlag(name, 'readonly')
}

/** What the server lets scripts do with the connection or the databases under them, or forbids only some of. */
const unscripted: ReadonlySet<string> = new Set([
  'select',
  'swapdb',
  'client',
  'script',
  'asking',
  'readonly',
  'readwrite',
])

/** Whether a command has no place among others of one step: the server refuses it there, or what follows would go elsewhere. */
export function isUnscripted(command: string): boolean {
  const name = command.toLowerCase()
  return unscripted.has(name) || (table?.exists(name) === true && table.hasFlag(name, 'noscript'))
}

/** The first key of a command; undefined for one that has none. */
export function commandKey(command: string, args: readonly Argument[]): string | undefined {
  const place = places[command] ?? searched(command, args)
  if (place === undefined || ((command === 'evalsha' || command === 'eval') && Number(args[1]) === 0)) return undefined
  return textOf(args[place])
}

/** All keys of a command. */
export function commandKeys(command: string, args: readonly Argument[]): string[] {
  return keyPlaces(command, args).flatMap(place => textOf(args[place]) ?? [])
}

const searched = (command: string, args: readonly Argument[]): number | undefined => keyPlaces(command, args)[0]

function keyPlaces(command: string, args: readonly Argument[]): readonly number[] {
  const name = command.toLowerCase()
  if (!table?.exists(name)) return []
  const count = counts[name]
  // More keys than there are arguments: the server will refuse it.
  if (count !== undefined && Number(args[count]) > args.length) return []
  return table.getKeyIndexes(name, args as (string | Buffer | number)[])
}

function textOf(key: Argument | undefined): string | undefined {
  if (key instanceof Uint8Array) return Buffer.from(key).toString()
  return key === undefined ? undefined : String(key)
}
