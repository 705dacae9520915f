import { KeyplanError, kindOf } from '../../base/error.ts'
import { commandKeys, isUnscripted } from '../../redis/command-table.ts'
import type { Command, Redis } from '../../redis/redis.ts'

const committed: unique symbol = Symbol('keyplan.committed')

/** What `commit` gives and the work returns: a result, and the commands that are its effect. */
export interface Committed<In> {
  readonly [committed]: true
  readonly commands: readonly Command[]
  readonly result: In
}

export function isCommitted<In>(given: In | Committed<In>): given is Committed<In> {
  return typeof given === 'object' && given !== null && committed in given
}

/** What Lua takes as arguments of one call, with room to spare. */
const mostWords = 1_000

/**
 * Checks the effect of an operation before it is too late to tell its author.
 *
 * @throws KeyplanError UNSUPPORTED without a server, PARAM_INVALID, CROSS_SLOT
 */
export function createCommit<In>(
  redis: Pick<Redis, 'slot'> | undefined,
  key: string,
  source: string,
): (commands: readonly Command[], result: In) => Committed<In> {
  return (commands, result) => {
    if (!redis) throw new KeyplanError('UNSUPPORTED', 'commit() needs a server; this client runs in memory')
    check(commands)
    const slot = redis.slot(key)
    for (const [name, ...args] of commands) {
      if (commandKeys(name, args).every(other => redis.slot(other) === slot)) continue
      const tags = `give both patterns a common hash tag, such as '{<id>}', so that they share a slot`
      const what = `commit() of '${source}' was given ${name} on a key that lies in another slot of the cluster`
      throw new KeyplanError('CROSS_SLOT', `${what}; ${tags}`, { outcome: 'not-executed' })
    }
    return { [committed]: true, commands, result }
  }
}

function check(commands: readonly Command[]): void {
  const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value)
  if (!isList(commands) || !commands.every(isList)) {
    throw misuse(`commit() was given ${kindOf(commands)}; give it a list of commands, such as [['incrby', key, 5]]`)
  }
  for (const [name, ...args] of commands) {
    if (typeof name !== 'string' || name === '') {
      throw misuse(`commit() was given ${kindOf(name)} for a command; name one, such as 'incrby'`)
    }
    if (isUnscripted(name))
      throw misuse(`commit() was given ${name}, which cannot be one of several commands of a step`)
    const strange = args.find(arg => !isArgument(arg))
    if (strange !== undefined || args.some(arg => arg === undefined)) {
      throw misuse(`${name} was given ${kindOf(strange)}; give strings, numbers or bytes`)
    }
  }
  const words = commands.reduce((sum, command) => sum + command.length, 0)
  if (words > mostWords) throw misuse(`commit() was given ${words} words; give it ${mostWords} at most`)
}

const isArgument = (value: unknown) =>
  typeof value === 'string' || Number.isFinite(value) || value instanceof Uint8Array

const misuse = (message: string) => new KeyplanError('PARAM_INVALID', message)
