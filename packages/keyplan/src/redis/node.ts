import type { Clock } from '../base/clock.ts'
import { isKeyplanError, KeyplanError } from '../base/error.ts'
import type { Block } from './blocking.ts'
import type { Send, Sender } from './commands.ts'
import { linkFailure } from './failure.ts'
import { createIntroduction, type Introduced } from './introduction.ts'
import { type Link, openLink } from './link.ts'
import type { Locator } from './locator.ts'
import { isFatal, type NodeEvent } from './node-event.ts'
import { createOutbox } from './outbox.ts'
import type { RecoveryHook, Redis } from './redis.ts'
import { createScout } from './scout.ts'
import { type Endpoint, endpointName, type LinkRole, type NodeSettings } from './settings.ts'
import { createSideLinks } from './side-links.ts'
import type { Trackers } from './trackers.ts'
import type { Hearing } from './tracking-link.ts'

/** One server process: its links, and what waits for them. */
export interface Node {
  /** `host:port` or the socket's path; while that is unknown, what it is called. */
  readonly name: string
  readonly state: 'connecting' | 'ready' | 'down' | 'closed'
  /** Why it is not ready, as far as known. */
  readonly error: KeyplanError | undefined
  readonly version: string | undefined
  readonly send: Send
  readonly over: Sender['over']
  readonly block: Block
  readonly subscribe: Redis['subscribe']
  readonly hearing: Hearing
  /** See `Redis.serverTime`. */
  serverTime(): number
  /** Milliseconds since the last link was lost, or since the search began. */
  downFor(): number
  /** Starts connecting; reconnects by itself until closed. */
  start(): void
  /** Ends every link, since the server is no longer the one that is meant, and looks for it anew. */
  retire(reason: KeyplanError): void
  /** Rejects what waits for a link, for whoever called to send it elsewhere. */
  dismiss(error: () => KeyplanError): void
  /** @param why what calls are told from now on. Default: that the client is closed. */
  close(why?: () => KeyplanError): Promise<void>
}

export interface NodeOptions {
  readonly settings: NodeSettings
  readonly role?: LinkRole
  /** How many connections make up its command link. Default 1. */
  readonly pool?: number
  /** Most connections of all kinds, where that is bounded. */
  readonly maxConnections?: number | undefined
  readonly lane: string
  readonly locator: Locator
  /** It is expected to have all keys. */
  readonly alone?: boolean
  /** What must be done on a link before anybody else may use it. */
  readonly hooks: ReadonlySet<RecoveryHook>
  /** Who wants to hear of changed keys. */
  readonly trackers: Trackers
  slot: Redis['slot']
  /** Whether it has the key. */
  concerns(key: string): boolean
  /** It takes the place of one that has been gone for this long, in milliseconds, and may have lost what that one had. */
  readonly replaces?: number
  readonly clock: Clock
  onEvent(event: NodeEvent): void
}

/** What is under way is answered within this, by a master that does so before it is replaced. Milliseconds. */
const farewellMs = 100

/** A link is nearly always back within this, if it comes back soon at all. Milliseconds. */
const blipMs = 500

const closed = () => new KeyplanError('CLOSED', 'The client is closed', { outcome: 'not-executed' })

/**
 * Keeps one command link to a server, a subscriber link when something listens, a tracking link when something keeps
 * copies, and links to block on when something waits for data.
 */
export function openNode(options: NodeOptions): Node {
  const { settings, role = 'commands', pool = 1, lane, locator, replaces, clock, onEvent } = options
  const { stall, backoff } = settings
  const ending = new AbortController()
  let link: Link | undefined
  let endpoint: Endpoint | undefined
  let state: Node['state'] = replaces === undefined ? 'connecting' : 'down'
  let error: KeyplanError | undefined
  let downSince = clock.now() - (replaces ?? 0)
  let readySince = 0
  let aside: Link | undefined
  let last: Link['handshake'] | undefined
  let closing: Promise<void> | undefined
  let parting = closed
  let attempt = new AbortController()

  const nameOf = (at: Endpoint | undefined) => (at ? endpointName(at) : locator.name)
  const unreachable = () => {
    const message = error?.message ?? `Redis at ${nameOf(endpoint)} is not connected`
    return new KeyplanError('DISCONNECTED', message, { outcome: 'not-executed' })
  }
  /** A link that still lies there, broken, was lost this very moment. */
  const isBlip = () => link !== undefined || clock.now() - downSince < blipMs
  const end = () => (state === 'closed' ? parting() : undefined)
  const outbox = createOutbox({
    settings,
    link: () => link,
    end,
    failed: stepAside,
    isBlip,
    unreachable,
    serverName: () => nameOf(endpoint),
    clock,
  })

  const introduce = createIntroduction({
    ...options,
    role,
    pool,
    sendOver: fresh => outbox.past(() => fresh).send,
    // A process that began during an outage has one behind it, too.
    outage: () => (last || state === 'down' ? { before: last?.runId, lasted: clock.now() - downSince } : undefined),
  })

  const scout = createScout<Introduced>({
    attempt() {
      attempt = new AbortController()
      return introduce(attempt.signal)
    },
    found: adopt,
    discard: found => found.link.destroy(closed()),
    failed(cause, attempts) {
      if (attempt.signal.aborted) return
      error = cause
      state = 'down'
      onEvent({ type: 'attempt-failed', node: nameOf(endpoint), lane, error: cause, attempts })
      if (isFatal(cause)) outbox.reject(() => linkFailure(cause, nameOf(endpoint), 'not-executed'))
    },
    backoff,
    clock,
  })

  function adopt({ link: fresh, at }: Introduced): void {
    const from = endpoint && endpointName(endpoint)
    link = fresh
    endpoint = at
    last = fresh.handshake
    error = undefined
    state = 'ready'
    readySince = clock.now()
    void fresh.ended.then(reason => lose(fresh, reason))
    const node = endpointName(at)
    if (from !== undefined && from !== node) onEvent({ type: 'moved', node, lane, from })
    // Those who listen may send at once: the waiting ones go first.
    outbox.release()
    onEvent({ type: 'ready', node, lane, version: fresh.handshake.version, afterMs: clock.now() - downSince })
    sideLinks.serverIsBack()
  }

  function lose(gone: Link, reason: KeyplanError): void {
    if (link !== gone) return
    link = undefined
    downSince = clock.now()
    if (state === 'closed') return
    state = 'down'
    error = reason
    sideLinks.serverIsLost(reason)
    // Of a server that can be replaced no link is to be trusted once one is lost.
    if (locator.watch) sideLinks.retire(reason)
    onEvent({ type: 'lost', node: nameOf(endpoint), lane, error: reason })
    scout.start()
  }

  async function close(why: () => KeyplanError): Promise<void> {
    state = 'closed'
    parting = why
    scout.stop()
    ending.abort()
    attempt.abort()
    aside?.destroy(why())
    outbox.reject(why)
    const others = Promise.all([sideLinks.close(why), locator.close?.()])
    // They may finish, for as long as a link may be silent.
    await outbox.drained(stall)
    link?.destroy(why())
    await Promise.all([link?.ended, others])
  }

  /**
   * A server that takes no writes is no longer the master. What others have asked of it may still be answered, but
   * nothing more is, until it is known who took its place: at most once per longest pause, since it may be nobody.
   */
  function stepAside(cause: unknown): void {
    if (isKeyplanError(cause, 'READONLY') && clock.now() - readySince >= backoff.max) withdraw(cause, stall)
  }

  function withdraw(reason: KeyplanError, farewell: number): void {
    const old = link
    if (!old) return
    aside = old
    lose(old, reason)
    clock.after(farewell, () => old.destroy(reason))
  }

  const there = () => endpoint ?? locator.locate(ending.signal)
  const sideLinks = createSideLinks({
    settings,
    most: options.maxConnections && options.maxConnections - pool,
    open: async (as, patience) =>
      openLink({ ...settings, scripts: [], ...patience }, await there(), as, clock, ending.signal),
    beside: () => link,
    refusal: () => end() ?? (link ? undefined : unreachable()),
    serverName: () => nameOf(endpoint),
    gap: () => onEvent({ type: 'gap', node: nameOf(endpoint), lane }),
    trackers: options.trackers,
    lane,
    clock,
  })

  function retire(reason: KeyplanError): void {
    if (state === 'closed') return
    sideLinks.retire(reason)
    attempt.abort()
    if (link) link.destroy(reason)
    else scout.hurry()
  }
  async function follow(): Promise<void> {
    try {
      const at = await locator.locate(ending.signal)
      if (link && endpoint && endpointName(at) === endpointName(endpoint)) return
      retire(new KeyplanError('DISCONNECTED', `Redis at ${nameOf(endpoint)} was replaced by ${endpointName(at)}`))
    } catch (error) {
      // Where nobody knows better, the link that stands is believed.
      if (isKeyplanError(error, 'MASTER_DOWN')) withdraw(error, farewellMs)
    }
  }
  locator.watch?.(() => void follow())

  return {
    get name() {
      return nameOf(endpoint)
    },
    get state() {
      return state
    },
    get error() {
      return error
    },
    get version() {
      return last?.version
    },
    send: outbox.send,
    over: outbox.over,
    block: sideLinks.block,
    subscribe: sideLinks.subscribe,
    hearing: sideLinks.hearing,
    serverTime: () => last?.serverTime(clock.now()) ?? clock.wall(),
    downFor: () => (link ? 0 : clock.now() - downSince),
    start: scout.start,
    retire,
    dismiss: outbox.reject,
    close(why = closed) {
      closing ??= close(why)
      return closing
    },
  }
}
