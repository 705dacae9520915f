import type { Clock, Timer } from '../base/clock.ts'
import { KeyplanError, type Outcome } from '../base/error.ts'
import { linkFailure } from './failure.ts'
import type { Link } from './link.ts'
import type { Redis, Reply } from './redis.ts'

/** `asking`: the node serves this call alone, and only if ASKING goes before it. */
export type Block = (...args: [...Parameters<Redis['block']>, asking?: boolean]) => ReturnType<Redis['block']>

/** The links of this process on which commands wait for data. Each is opened when one must wait and none is free. */
export interface Blocking {
  block: Block
  /** Ends the links: they block on what is no longer the server that is meant. */
  retire(reason: KeyplanError): void
  close(why?: () => KeyplanError): Promise<void>
}

interface BlockingOptions {
  serverName(): string
  /** Opens a link that may be silent for a slice. */
  open(): Promise<Link>
  /** Why nothing may be asked now, if so. */
  refusal(): KeyplanError | undefined
  /** The longest block on the wire, in milliseconds. */
  readonly slice: number
  /** The most links now. Default 8. */
  readonly most?: (() => number) | undefined
  clock: Clock
}

/** Whose turn to block has not come: given a link, or nothing once its time is over, or why it never gets one. */
type Waiter = (link: Link | undefined, error?: KeyplanError) => void

/** With eight connections each, a thousand processes stay below the 10,000 that a server takes by default. */
const mostLinks = 8

/** A worker comes back for its next job before this. A link that nobody wants any more is closed. */
const restsFor = 10_000

/** The longest delay a timer of Node can have; a longer one would fire at once. */
const longestTimer = 2 ** 31 - 1

/**
 * Lets commands wait for data without holding up others. A long wait goes over the wire in slices, after each of which
 * the link passes to whoever waits for one: calls that wait for ever do not keep others from being asked.
 */
export function createBlocking({
  serverName,
  open,
  refusal,
  slice,
  most = () => mostLinks,
  clock,
}: BlockingOptions): Blocking {
  const links = new Set<Link>()
  /** The one used last is used next, so that those too many grow old. */
  const resting = new Map<Link, Timer>()
  const queue = new Set<Waiter>()
  let opening = 0
  let closed: (() => KeyplanError) | undefined

  /** A link to block on, or undefined after `ms` without one. */
  function turn(ms: number, signal: AbortSignal | undefined): Promise<Link | undefined> {
    return new Promise((resolve, reject) => {
      const settle: Waiter = (link, error) => {
        queue.delete(settle)
        timer.cancel()
        signal?.removeEventListener('abort', abort)
        if (error) reject(error)
        else resolve(link)
      }
      const abort = () => settle(undefined, aborted('not-executed'))
      const timer = clock.after(Math.min(ms, longestTimer), () => settle(undefined), true)
      signal?.addEventListener('abort', abort)
      queue.add(settle)
      if (signal?.aborted) abort()
      else serve()
    })
  }

  /** Gives turns in the order they were asked for. */
  function serve(): void {
    for (const settle of queue) {
      const refused = closed ? closed() : refusal()
      const link = refused ? undefined : [...resting.keys()].findLast(({ usable }) => usable)
      if (!refused && !link) break
      if (link) rouse(link)
      settle(link, refused)
    }
    while (opening < queue.size && links.size + opening < most()) add()
  }

  function add(): void {
    opening++
    open().then(
      link => {
        opening--
        links.add(link)
        void link.ended.then(() => {
          links.delete(link)
          rouse(link)
          serve()
        })
        if (closed) link.destroy(closed())
        else rest(link)
      },
      error => {
        opening--
        const [first] = queue
        first?.(undefined, linkFailure(error, serverName(), 'not-executed'))
        serve()
      },
    )
  }

  function rest(link: Link): void {
    const timer = clock.after(restsFor, () => link.destroy(closure()))
    resting.set(link, timer)
    serve()
  }

  function rouse(link: Link): void {
    resting.get(link)?.cancel()
    resting.delete(link)
  }

  async function using(link: Link, signal: AbortSignal | undefined, ask: () => Promise<Reply>): Promise<Reply> {
    const abort = () => link.destroy(aborted('unknown'))
    signal?.addEventListener('abort', abort)
    try {
      if (signal?.aborted) throw aborted('not-executed')
      return await ask()
    } finally {
      signal?.removeEventListener('abort', abort)
      if (link.usable) rest(link)
    }
  }

  return {
    async block(command, args, { wait, signal, encoding, first }, asking) {
      const end = clock.now() + wait
      const left = () => end - clock.now()
      do {
        const link = await turn(left(), signal)
        if (!link) continue
        // Zero on the wire would mean for ever.
        const sliceMs = Math.min(slice, Math.max(1, Math.ceil(left())))
        const reply = await using(link, signal, () => {
          const pass = () => {
            if (asking) link.send('asking', []).catch(() => {})
          }
          pass()
          if (!first) return link.send(command, args(sliceMs), encoding)
          const [name, ...rest] = first
          const begun = link.send(name, rest)
          pass()
          return Promise.all([link.send(command, args(sliceMs), encoding), begun]).then(([reply]) => reply)
        })
        if (reply !== null) return reply
      } while (left() >= 1)
      return null
    },
    retire(reason) {
      for (const link of links) link.destroy(reason)
    },
    async close(why = closure) {
      closed = why
      serve()
      for (const link of links) link.destroy(why())
      await Promise.all([...links].map(({ ended }) => ended))
    },
  }
}

const aborted = (outcome: Outcome) => new KeyplanError('ABORTED', 'The call was aborted by its signal', { outcome })
const closure = () => new KeyplanError('CLOSED', 'The client is closed', { outcome: 'not-executed' })
