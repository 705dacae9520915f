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

export type Send = Redis['send']

export interface SenderOptions {
  link(): Link | undefined
  /** Why nothing may be sent any more, if so. */
  end(): KeyplanError | undefined
  /** What becomes of a call while there is no link: `go` sends it after all. */
  absent(call: Call, args: readonly Argument[], go: () => void, fail: (error: KeyplanError) => void): void
  /** Hears of every call that was written and failed. */
  failed(error: unknown): void
  inFlight: InFlight
  clock: Clock
}

/** Sends on whatever link there is, and knows of each call whether it was written. */
export interface Sender {
  send: Send
  /** Several commands that must reach the server one behind the other. `args` is what they weigh while they wait. */
  over<T>(call: Call, args: readonly Argument[], use: (link: Link) => Promise<T>): Promise<T>
}

export function createSender({ link, end, absent, failed, inFlight, clock }: SenderOptions): Sender {
  function over<T>(call: Call, args: readonly Argument[], use: (link: Link) => Promise<T>): Promise<T> {
    const refusal = end() ?? refusalOf(call, clock.now())
    if (refusal) return Promise.reject(refusal)
    const open = link()
    // A link that is broken but not yet known as lost would turn a call that never left into one that may have run.
    if (open?.usable) {
      call.written++
      return inFlight.track(use(open), failed)
    }
    return new Promise((resolve, reject) => {
      absent(call, args, () => over(call, args, use).then(resolve, reject), reject)
    })
  }

  return {
    send: (command, args, call, encoding) => over(call, args, open => open.send(command, args, encoding)),
    over,
  }
}

/** Runs scripts by what sends commands. */
export function withScripts(send: Send): Commands {
  async function evaluate<K extends string, A extends string, R>(
    script: Script<K, A, R>,
    keys: ScriptKeys<K>,
    args: ScriptArgs<A>,
    call: Call,
    encoding?: Encoding,
  ): Promise<R> {
    const list = scriptArguments(script, keys, args)
    let reply: Reply
    try {
      reply = await send('evalsha', list, call, encoding)
    } catch (failure) {
      // Scripts are loaded with the link, so this follows a SCRIPT FLUSH. NOSCRIPT certainly did not execute.
      if (!isKeyplanError(failure, 'SERVER') || !failure.message.includes('NOSCRIPT')) throw failure
      list[0] = script.source
      reply = await send('eval', list, call, encoding)
    }
    return script.reply(reply)
  }

  return { send, evaluate }
}
