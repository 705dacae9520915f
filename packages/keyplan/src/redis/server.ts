import type { Clock } from '../base/clock.ts'
import { isKeyplanError, KeyplanError } from '../base/error.ts'
import { createBlocking } from './blocking.ts'
import { createCommands } from './commands.ts'
import { createInFlight } from './in-flight.ts'
import { type Link, openLink } from './link.ts'
import type { RecoveryHook, Redis } from './redis.ts'
import { createScout } from './scout.ts'
import { endpointName, type ServerSettings } from './settings.ts'
import { createSubscriber } from './subscriber.ts'
import { createWaiting } from './waiting.ts'

/** What the supervisor of a server reports. */
export type ServerEvent =
  | { readonly type: 'ready'; readonly version: string | undefined; readonly afterMs: number }
  | { readonly type: 'lost'; readonly error: KeyplanError }
  | { readonly type: 'attempt-failed'; readonly error: KeyplanError; readonly attempts: number }

export interface ServerConnection {
  readonly redis: Redis
  readonly state: 'connecting' | 'ready' | 'down' | 'closed'
  /** Why it is not ready, as far as known. */
  readonly error: KeyplanError | undefined
  readonly version: string | undefined
  readonly name: string
  /** Starts connecting; reconnects by itself until closed. */
  start(): void
  close(): Promise<void>
}

/**
 * Keeps one command link to a standalone server, a subscriber link when something listens, and links to block on when
 * something waits for data.
 */
export function openServer(
  settings: ServerSettings,
  clock: Clock,
  onEvent: (event: ServerEvent) => void,
): ServerConnection {
  const name = endpointName(settings.endpoint)
  const waiting = createWaiting(settings.waiting, clock)
  const inFlight = createInFlight(clock)
  const hooks = new Set<RecoveryHook>()
  let link: Link | undefined
  let state: ServerConnection['state'] = 'connecting'
  let error: KeyplanError | undefined
  let downSince = clock.now()
  let last: Link['handshake'] | undefined
  let closing: Promise<void> | undefined
  const ending = new AbortController()

  const scout = createScout<Link>({
    attempt: connect,
    found: adopt,
    discard: found => found.destroy(closed()),
    failed(cause, attempts) {
      error = cause
      state = 'down'
      onEvent({ type: 'attempt-failed', error: cause, attempts })
      if (isKeyplanError(cause, 'AUTH_FAILED') || isKeyplanError(cause, 'UNSUPPORTED')) {
        waiting.reject(() => new KeyplanError(cause.code, cause.message, { outcome: 'not-executed' }))
      }
    },
    backoff: settings.backoff,
    clock,
  })

  /** A link is not found until the recovery hooks have run on it: nothing may be read before them. */
  async function connect(): Promise<Link> {
    const fresh = await openLink(settings, 'commands', clock, ending.signal)
    try {
      // A process that began during an outage has one behind it, too.
      if (last || state === 'down') {
        const restarted = fresh.handshake.runId === undefined || fresh.handshake.runId !== last?.runId
        const outage = { lasted: clock.now() - downSince, restarted }
        const open = commandsOn(fresh)
        await Promise.all([...hooks].map(hook => hook(open, outage)))
      }
      return fresh
    } catch (cause) {
      const failure = isKeyplanError(cause)
        ? cause
        : new KeyplanError('DISCONNECTED', `Recovery of ${name} failed`, { cause })
      fresh.destroy(failure)
      throw failure
    }
  }

  function adopt(fresh: Link): void {
    link = fresh
    last = fresh.handshake
    error = undefined
    state = 'ready'
    void fresh.ended.then(reason => lose(fresh, reason))
    // Those who listen may send at once: the waiting ones go first.
    waiting.release()
    onEvent({ type: 'ready', version: fresh.handshake.version, afterMs: clock.now() - downSince })
    subscriber.serverIsBack()
  }

  function lose(gone: Link, reason: KeyplanError): void {
    if (link !== gone) return
    link = undefined
    downSince = clock.now()
    if (state === 'closed') return
    state = 'down'
    error = reason
    onEvent({ type: 'lost', error: reason })
    scout.start()
  }

  const closed = () => new KeyplanError('CLOSED', 'The client is closed', { outcome: 'not-executed' })

  const unreachable = () =>
    new KeyplanError('DISCONNECTED', error?.message ?? `Redis at ${name} is not connected`, { outcome: 'not-executed' })

  async function close(): Promise<void> {
    state = 'closed'
    scout.stop()
    ending.abort()
    waiting.reject(closed)
    const others = Promise.all([subscriber.close(), blocking.close()])
    // They may finish, for as long as a link may be silent.
    await inFlight.drained(settings.stall)
    link?.destroy(closed())
    await Promise.all([link?.ended, others])
  }

  const common = { end: () => (state === 'closed' ? closed() : undefined), inFlight, clock }
  const commands = createCommands({
    ...common,
    link: () => link,
    absent(call, args, go, fail) {
      if (call.hold) waiting.add(call, args, go, fail)
      else fail(unreachable())
    },
  })
  /** What recovers a link before it is open to others has only that link to wait for. */
  const commandsOn = (fresh: Link) =>
    createCommands({ ...common, link: () => fresh, absent: (_call, _args, _go, fail) => fail(unreachable()) })
  const subscriber = createSubscriber(
    () => openLink({ ...settings, scripts: [] }, 'subscriber', clock, ending.signal),
    {
      reachable: () => link !== undefined,
      backoff: settings.backoff,
      clock,
    },
  )
  const { slice = 3_000 } = settings
  const blocking = createBlocking({
    serverName: name,
    open: () => openLink({ ...settings, scripts: [], stall: slice + settings.stall }, 'blocking', clock, ending.signal),
    refusal: () => common.end() ?? (link ? undefined : unreachable()),
    slice,
    clock,
  })

  return {
    redis: {
      ...commands,
      block: blocking.block,
      subscribe: subscriber.subscribe,
      async *scan(glob, call) {
        let cursor = '0'
        do {
          const [next, keys] = (await commands.send('scan', [cursor, 'MATCH', glob, 'COUNT', 500], call())) as [
            string,
            string[],
          ]
          cursor = next
          if (keys.length > 0) yield keys
        } while (cursor !== '0')
      },
      serverTime: () => last?.serverTime(clock.now()) ?? clock.wall(),
      beforeReady(hook) {
        hooks.add(hook)
        return () => hooks.delete(hook)
      },
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
    name,
    start: scout.start,
    close() {
      closing ??= close()
      return closing
    },
  }
}
