import type { Call } from '../base/call.ts'
import type { Clock } from '../base/clock.ts'
import { isKeyplanError, type KeyplanError } from '../base/error.ts'
import type { InFlight } from './in-flight.ts'
import type { Link } from './link.ts'
import type { Argument, Encoding, Redis, Reply } from './redis.ts'
import { type Script, type ScriptArgs, type ScriptKeys, scriptArguments } from './script.ts'
import { refusalOf } from './waiting.ts'

/** The verbs that send a command and wait for its reply. */
export type Commands = Pick<Redis, 'send' | 'evaluate'>

interface CommandsOptions {
  link(): Link | undefined
  /** Why nothing may be sent any more, if so. */
  end(): KeyplanError | undefined
  /** What becomes of a call while there is no link: `go` sends it after all. */
  absent(call: Call, args: readonly Argument[], go: () => void, fail: (error: KeyplanError) => void): void
  inFlight: InFlight
  clock: Clock
}

/** Sends on whatever link there is, and knows of each call whether it was written. */
export function createCommands({ link, end, absent, inFlight, clock }: CommandsOptions): Commands {
  function send(command: string, args: readonly Argument[], call: Call, encoding?: Encoding): Promise<Reply> {
    const refusal = end() ?? refusalOf(call, clock.now())
    if (refusal) return Promise.reject(refusal)
    const open = link()
    // A link that is broken but not yet known as lost would turn a call that never left into one that may have run.
    if (open?.usable) {
      call.written = true
      return inFlight.track(open.send(command, args, encoding))
    }
    return new Promise((resolve, reject) => {
      absent(call, args, () => send(command, args, call, encoding).then(resolve, reject), reject)
    })
  }

  async function evaluate<K extends string, A extends string, R>(
    script: Script<K, A, R>,
    keys: ScriptKeys<K>,
    args: ScriptArgs<A>,
    call: Call,
    encoding?: Encoding,
  ): Promise<R> {
    const list = scriptArguments(script, keys, args)
    try {
      return script.reply(await send('evalsha', list, call, encoding))
    } catch (failure) {
      // Scripts are loaded with the link, so this follows a SCRIPT FLUSH. NOSCRIPT certainly did not execute.
      if (!isKeyplanError(failure, 'SERVER') || !failure.message.includes('NOSCRIPT')) throw failure
      list[0] = script.source
      return script.reply(await send('eval', list, call, encoding))
    }
  }

  return { send, evaluate }
}
