import { type Call, type CallOptions, checkOptions } from '../base/call.ts'
import { isKeyplanError, isUnavailable, KeyplanError, kindOf, shown } from '../base/error.ts'
import type { Server } from '../kinds/kind.ts'
import { commandKeys, isReadOnly } from '../redis/command-table.ts'
import type { Command, Encoding, Redis, Reply } from '../redis/redis.ts'
import type { ClientVerbs } from './client.ts'
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
  async function run<T>(
    verb: keyof Verbs,
    commands: readonly Command[],
    options: CommandOptions | undefined,
    work: (redis: Redis, call: Call) => Promise<T>,
  ): Promise<T> {
    if (!connections) throw new KeyplanError('UNSUPPORTED', `${verb} needs a server; this client runs in memory`)
    if (options !== undefined) checkOptions(options, ['encoding', 'server'])
    check(verb, commands)
    const keys = commands.flatMap(([name, ...args]) => commandKeys(name, args))
    const { redis, guard } = serverOf(connections, verb, keys, options?.server)
    // Commands that only read may be sent again after an unknown outcome; of the others nothing is known.
    const readOnly = commands.every(([name]) => isReadOnly(name))
    return guard.run(
      { namespace: verb, name: 'send', operation: { idempotent: readOnly, write: !readOnly } },
      options,
      call => work(redis, call),
      undefined,
      { key: keys[0], calls: commands.length },
    )
  }

  return {
    $command(name, args = [], options) {
      if (!Array.isArray(args))
        return Promise.reject(misuse(`$command was given ${kindOf(args)} for arguments; give a list`))
      return run('$command', [[name, ...args]], options, (redis, call) => sendTo(redis, [name, ...args], call, options))
    },
    $batch: (commands, options) =>
      run('$batch', commands, options, async (redis, call) => {
        const sent = commands.map(command => sendTo(redis, command, call, options))
        return together(await Promise.allSettled(sent))
      }),
    $transaction: (commands, options) =>
      run('$transaction', commands, options, (redis, call) => redis.transact(commands, call, options?.encoding)),
  }
}

function sendTo(redis: Redis, [name, ...args]: Command, call: Call, options: CommandOptions | undefined) {
  return redis.send(name, args, call, options?.encoding)
}

/** The server of the keys; where there are none, the one that was asked for. */
function serverOf(connections: Connections, verb: string, keys: readonly string[], role: Role = 'durable'): Server {
  if (role !== 'cache' && role !== 'durable') throw misuse(`server is ${shown(role)}; use 'cache' or 'durable'`)
  const found = new Set(keys.map(key => connections.ofKey(key)))
  if (found.size > 1) throw misuse(`${verb} was given keys of two servers; make it one call for each`)
  const [connection = connections.of(role)] = found
  return connection.server
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

const misuse = (message: string) => new KeyplanError('PARAM_INVALID', message)

function check(verb: string, commands: readonly Command[]): void {
  const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value)
  if (!isList(commands) || !commands.every(isList)) {
    throw misuse(`${verb} was given ${kindOf(commands)}; give it a list of commands, such as [['get', key]]`)
  }
  for (const [name, ...args] of commands) {
    if (typeof name !== 'string' || name === '') {
      throw misuse(`${verb} was given ${kindOf(name)} for a command; name one, such as 'hgetall'`)
    }
    const strange = args.findIndex(arg => !isArgument(arg))
    if (strange >= 0) throw misuse(`${name} was given ${kindOf(args[strange])}; give strings, numbers or bytes`)
    if (!keepsLink(name, args)) throw misuse(`${verb} cannot send ${name}: it would change the link all calls share`)
  }
}

const isArgument = (value: unknown) =>
  typeof value === 'string' || Number.isFinite(value) || value instanceof Uint8Array
