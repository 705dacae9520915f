import type { Clock } from '../base/clock.ts'
import { errorTable, isKeyplanError, KeyplanError } from '../base/error.ts'
import type { Link } from './link.ts'
import { createScout } from './scout.ts'
import { covers, type Trackers } from './trackers.ts'

/** What a Redis user needs so that this process may keep copies: rules of an ACL. */
export const trackingAccess = {
  commands: ['client|id', 'client|tracking', 'subscribe', 'ping'],
  channel: '__redis__:invalidate',
} as const

/** What is heard of the keys of one server. */
export interface Hearing {
  /** Its mark, as of `Tracking.mark`, while changes are heard. */
  since(now?: number): number | undefined
  /** Why the server does not tell, if it refuses to. */
  readonly denial: KeyplanError | undefined
}

/** The process's one link on which a server tells which keys have changed. It is there while somebody tracks. */
export interface TrackingLink extends Hearing {
  /** There is a link for commands: no need to sit out a backoff. */
  serverIsBack(): void
  /** Ends it until the server is back. From here on nothing counts as heard. */
  retire(reason: KeyplanError): void
  close(): Promise<void>
}

interface TrackingLinkOptions {
  open(): Promise<Link>
  /** The longest silence, in milliseconds, of a link that is pinged: see `watchStall`. */
  readonly patience: number
  /**
   * The link for commands, while it is up. What is read on it is what this link vouches for, so neither outlives the other:
   * the next one may lead to another server.
   */
  beside(): Link | undefined
  readonly trackers: Trackers
  readonly lane: string
  serverName(): string
  readonly backoff: { readonly min: number; readonly max: number }
  readonly clock: Clock
}

interface Tracked {
  readonly link: Link
  readonly beside: Link
  readonly prefixes: readonly string[]
}

export function createTrackingLink(options: TrackingLinkOptions): TrackingLink {
  const { open, patience, beside, trackers, lane, serverName, backoff, clock } = options
  let current: Tracked | undefined
  let since: number | undefined
  let denial: KeyplanError | undefined
  let closed = false

  const scout = createScout<Tracked | KeyplanError>({
    attempt: connect,
    // A refusal is an answer, too: it would be the same the next time.
    found: answer => (isKeyplanError(answer) ? deny(answer) : adopt(answer)),
    discard: answer => {
      if (!isKeyplanError(answer)) answer.link.destroy(unwanted())
    },
    failed() {
      // The one of the link for commands does the asking for both.
      if (!beside()) scout.stop()
    },
    backoff,
    clock,
  })

  async function connect(): Promise<Tracked | KeyplanError> {
    const commands = beside()
    if (!commands) throw new KeyplanError('DISCONNECTED', `Redis at ${serverName()} is not connected`)
    const link = await open()
    try {
      refuseOther(link, commands)
      link.onInvalidation(keys => told(link, keys))
      const prefixes = await track(link)
      return { link, beside: commands, prefixes }
    } catch (error) {
      link.destroy(unwanted())
      if (isKeyplanError(error) && errorTable[error.code].class === 'server') return refusal(error)
      throw error
    }
  }

  /** Behind one name there may be several servers, and two links may have met two of them. */
  function refuseOther(link: Link, commands: Link): void {
    const ids = [link.handshake.runId, commands.handshake.runId]
    if (ids[0] === ids[1] || ids.includes(undefined)) return
    throw new KeyplanError('DISCONNECTED', `Redis at ${serverName()} is another server than a moment ago`)
  }

  /** In this order: only who has subscribed is told anything, and may not ask for anything else. */
  async function track(link: Link): Promise<readonly string[]> {
    const id = Number(await link.send('client', ['ID']))
    const { prefixes } = trackers
    const named = prefixes.flatMap(prefix => ['PREFIX', prefix])
    await Promise.all([
      link.send('client', ['TRACKING', 'ON', 'REDIRECT', id, 'BCAST', ...named]),
      link.send('subscribe', [trackingAccess.channel]),
    ])
    return prefixes
  }

  function refusal({ code, message }: KeyplanError): KeyplanError {
    const rules = [...trackingAccess.commands.map(command => `+${command}`), `&${trackingAccess.channel}`].join(' ')
    const remedy = code === 'NO_PERMISSION' ? `; the user needs ${rules}` : ''
    return new KeyplanError(code, `Redis at ${serverName()} does not tell which keys change: ${message}${remedy}`, {
      outcome: 'not-executed',
    })
  }

  function deny(error: KeyplanError): void {
    const isNews = denial === undefined
    denial = error
    if (isNews) trackers.changed({ type: 'denied', lane, error })
  }

  function adopt(tracked: Tracked): void {
    current = tracked
    void tracked.link.ended.then(() => {
      if (current === tracked) renew()
    })
    if (tracked.beside === beside() && covers(tracked.prefixes, trackers.prefixes)) hear()
    else renew()
  }

  function hear(): void {
    denial = undefined
    since = trackers.next()
    trackers.changed({ type: 'ready', lane })
  }

  /** Nothing counts as heard from this moment, whenever the link itself ends. */
  function drop(reason: KeyplanError): void {
    const gone = current
    current = undefined
    if (since !== undefined) {
      since = undefined
      trackers.changed({ type: 'lost', lane })
    }
    gone?.link.destroy(reason)
  }

  function renew(): void {
    drop(unwanted())
    look()
  }

  function look(): void {
    if (!closed && !current && trackers.prefixes.length > 0 && beside()) scout.start()
  }

  /** A process that was suspended, or had no time to listen, does not know yet what it has missed. */
  function isHeard(now: number): boolean {
    return current?.link.usable === true && now - current.link.heardAt <= patience
  }

  function told(link: Link, keys: readonly string[] | null): void {
    // For those as well who have asked for a value and got no answer yet.
    if (keys === null && current?.link === link && since !== undefined) since = trackers.next()
    trackers.invalidated(keys, lane)
  }

  const unwatch = trackers.watch(() => {
    if (trackers.prefixes.length === 0) {
      scout.stop()
      drop(unwanted())
      denial = undefined
    } else if (current && !covers(current.prefixes, trackers.prefixes)) renew()
    else if (!denial) look()
  })

  return {
    since: (now = clock.now()) => (isHeard(now) ? since : undefined),
    get denial() {
      return denial
    },
    serverIsBack() {
      look()
      scout.hurry()
    },
    retire(reason) {
      scout.stop()
      drop(reason)
    },
    async close() {
      closed = true
      unwatch()
      scout.stop()
      const ending = current?.link.ended
      drop(unwanted())
      await ending
    },
  }
}

const unwanted = () =>
  new KeyplanError('CLOSED', 'Changes of keys are no longer listened for here', { outcome: 'not-executed' })
