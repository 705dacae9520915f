import type { Call } from '../base/call.ts'
import type { Clock } from '../base/clock.ts'
import { isKeyplanError, type KeyplanError } from '../base/error.ts'
import type { InFlight } from './in-flight.ts'
import type { Link } from './link.ts'
import type { Argument, Encoding, Redis } from './redis.ts'
import { type Script, type ScriptArgs, type ScriptKeys, scriptArguments } from './script.ts'
import { refusalOf } from './waiting.ts'

/** The verbs that send a command and wait for its reply. */
export type Commands = Pick<Redis, 'send' | 'evaluate'>

export type Send = Redis['send']

export interface SenderOptions {
  link(): Link | undefined
  /** Why nothing may be sent any more, if so. */
  end(): KeyplanError | undefined
  /** What becomes of a call while there is no link, or no room: `go` sends it after all. */
  absent(call: Call, args: readonly Argument[], go: () => void, fail: (error: KeyplanError) => void): void
  /** Hears of every call that was written and failed. */
  failed(error: unknown): void
  /** Whether what is under way leaves no room, or others wait for some. */
  crowded?(): boolean
  inFlight: InFlight
  clock: Clock
}

/** Sends on whatever link there is, and knows of each call whether it was written. */
export interface Sender {
  send: Send
  /** Several commands that must reach the server one behind the other. `args` is what they weigh while they wait. */
  over<T>(call: Call, args: readonly Argument[], use: (link: Link) => Promise<T>): Promise<T>
}

export function createSender({ link, end, absent, failed, crowded, inFlight, clock }: SenderOptions): Sender {
  function over<T>(
    call: Call,
    args: readonly Argument[],
    use: (link: Link) => Promise<T>,
    itsTurn = false,
  ): Promise<T> {
    const refusal = end() ?? refusalOf(call, clock.now())
    if (refusal) return Promise.reject(refusal)
    const open = link()
    // A link that is broken but not yet known as lost would turn a call that never left into one that may have run.
    if (open?.usable && (itsTurn || !crowded?.())) {
      call.written++
      return inFlight.track(use(open), failed)
    }
    return new Promise((resolve, reject) => {
      absent(call, args, () => over(call, args, use, true).then(resolve, reject), reject)
    })
  }

  return {
    send: (command, args, call, encoding) => over(call, args, open => open.send(command, args, encoding)),
    over,
  }
}

/** Calls of scripts to one server. */
interface ScriptLane {
  underway: number
  /** Those made since the server was found to have forgotten its scripts. */
  held: (() => void)[] | undefined
}

/**
 * Runs scripts by what sends commands. They are loaded with the link, so a server that does not know one was told to
 * forget them all (SCRIPT FLUSH), and certainly did not execute it. It is sent whole then, and so are those behind it;
 * calls made meanwhile wait until all that were under way have been answered, so that they overtake none. Only where
 * another process loads the scripts in that moment can a call pass one that was made just before it.
 *
 * @param laneOf names the server that has a key
 */
export function withScripts(send: Send, laneOf: (key: string) => string = () => ''): Commands {
  const lanes = new Map<string, ScriptLane>()

  function laneFor(key: string): ScriptLane {
    const name = laneOf(key)
    let lane = lanes.get(name)
    if (!lane) {
      lane = { underway: 0, held: undefined }
      lanes.set(name, lane)
    }
    return lane
  }

  function answered(lane: ScriptLane): void {
    if (--lane.underway > 0 || !lane.held) return
    const { held } = lane
    lane.held = undefined
    for (const go of held) go()
  }

  function run<R>(
    lane: ScriptLane,
    list: Argument[],
    { source, reply: read }: Pick<Script<string, string, R>, 'source' | 'reply'>,
    call: Call,
    encoding?: Encoding,
  ): Promise<R> {
    lane.underway++
    return send('evalsha', list, call, encoding).then(
      reply => {
        answered(lane)
        return read(reply)
      },
      failure => {
        if (!isKeyplanError(failure, 'SERVER') || !failure.message.includes('NOSCRIPT')) {
          answered(lane)
          throw failure
        }
        lane.held ??= []
        list[0] = source
        const again = send('eval', list, call, encoding)
        answered(lane)
        return again.then(read)
      },
    )
  }

  function evaluate<K extends string, A extends string, R>(
    script: Script<K, A, R>,
    keys: ScriptKeys<K>,
    args: ScriptArgs<A>,
    call: Call,
    encoding?: Encoding,
  ): Promise<R> {
    const list = scriptArguments(script, keys, args)
    const lane = laneFor(String(list[2]))
    const start = () => run(lane, list, script, call, encoding)
    const { held } = lane
    return held ? new Promise<R>(resolve => held.push(() => resolve(start()))) : start()
  }

  return { send, evaluate }
}
