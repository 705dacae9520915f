import type { CallOptions } from '../base/call.ts'
import { isKeyplanError, isUnavailable, KeyplanError, kindOf } from '../base/error.ts'
import { commandKey, isReadOnly } from '../redis/command-table.ts'
import type { Command, Encoding, Reply } from '../redis/redis.ts'
import type { ClientVerbs } from './client.ts'
import type { Connection } from './connection.ts'
import type { Connections, Role } from './connections.ts'
import { keepsLink } from './shared-link.ts'

export interface CommandOptions extends CallOptions {
  /** Whether bulk replies are read as UTF-8 text (default) or as bytes. */
  encoding?: Encoding | undefined
  /** Which server is asked by a command without a key, where cache and durable data have one each. Default: `durable`. */
  server?: Role | undefined
}

type Verbs = Pick<ClientVerbs, '$command' | '$batch' | '$transaction'>

/** Any command, under the same guard as everything else. */
export function commandVerbs(connections: Connections | undefined): Verbs {
  function connectionFor(verb: string, commands: readonly Command[], server: Role | undefined): Connection {
    if (!connections) throw new KeyplanError('UNSUPPORTED', `${verb} needs a server; this client runs in memory`)
    for (const command of commands) check(verb, command)
    const keys = commands.map(([name, ...args]) => commandKey(name, args)).filter(key => key !== undefined)
    const found = new Set(keys.map(key => connections.ofKey(key)))
    if (found.size > 1) {
      throw new KeyplanError('PARAM_INVALID', `${verb} was given keys of two servers; make it one call for each`)
    }
    const [connection = connections.of(server ?? 'durable')] = found
    return connection
  }

  /** Commands that only read may be sent again after an unknown outcome; of the others nothing is known. */
  const subjectOf = (verb: string, commands: readonly Command[]) => {
    const readOnly = commands.every(([name]) => isReadOnly(name))
    return { namespace: verb, name: 'send', operation: { idempotent: readOnly, write: !readOnly } }
  }
  const scopeOf = (commands: readonly Command[]) => ({
    key: commands.map(([name, ...args]) => commandKey(name, args)).find(key => key !== undefined),
    calls: commands.length,
  })

  return {
    async $command(name, args = [], options) {
      const commands: Command[] = [[name, ...args]]
      const { redis, guard } = connectionFor('$command', commands, options?.server).server
      // Upper case, for which ioredis has no reply of its own making (it makes HGETALL's an object).
      return guard.run(
        subjectOf('$command', commands),
        options,
        call => redis.send(name.toUpperCase(), args, call, options?.encoding),
        undefined,
        scopeOf(commands),
      )
    },
    async $batch(commands, options) {
      const { redis, guard } = connectionFor('$batch', list('$batch', commands), options?.server).server
      return guard.run(
        subjectOf('$batch', commands),
        options,
        async call => {
          const sent = commands.map(([name, ...args]) => redis.send(name.toUpperCase(), args, call, options?.encoding))
          return together(await Promise.allSettled(sent))
        },
        undefined,
        scopeOf(commands),
      )
    },
    async $transaction(commands, options) {
      const { redis, guard } = connectionFor('$transaction', list('$transaction', commands), options?.server).server
      return guard.run(
        subjectOf('$transaction', commands),
        options,
        call => redis.transact(commands, call),
        undefined,
        scopeOf(commands),
      )
    },
  }
}

/** A server that serves none of the commands is for the guard to know. */
function together(results: readonly PromiseSettledResult<Reply>[]): (Reply | KeyplanError)[] {
  const answers = results.map(result => (result.status === 'fulfilled' ? result.value : result.reason))
  const failures = answers.filter(answer => isUnavailable(answer))
  const strange = answers.find(answer => answer instanceof Error && !isKeyplanError(answer))
  if (strange) throw strange
  if (failures.length > 0 && failures.length === answers.length) {
    throw failures.find(({ outcome }) => outcome === 'unknown') ?? failures[0]
  }
  return answers
}

function list(verb: string, commands: readonly Command[]): readonly Command[] {
  const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value)
  if (isList(commands) && commands.every(isList)) return commands
  throw new KeyplanError('PARAM_INVALID', `${verb} was given ${kindOf(commands)}; give it [['get', key], …]`)
}

function check(verb: string, [name, ...args]: Command): void {
  if (typeof name !== 'string' || name === '') {
    throw new KeyplanError(
      'PARAM_INVALID',
      `${verb} was given ${kindOf(name)} for a command; name one, such as 'hgetall'`,
    )
  }
  const strange = args.find(arg => typeof arg !== 'string' && typeof arg !== 'number' && !(arg instanceof Uint8Array))
  if (strange !== undefined) {
    throw new KeyplanError('PARAM_INVALID', `${name} was given ${kindOf(strange)}; give strings, numbers or bytes`)
  }
  if (keepsLink(name, args)) return
  throw new KeyplanError('PARAM_INVALID', `${verb} cannot send ${name}: it would change the link all calls share`)
}
