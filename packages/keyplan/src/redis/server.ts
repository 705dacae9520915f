import type { Call } from '../base/call.ts'
import type { Clock } from '../base/clock.ts'
import { isKeyplanError, KeyplanError } from '../base/error.ts'
import { type Link, openLink } from './link.ts'
import type { Argument, Encoding, RecoveryHook, Redis, Reply } from './redis.ts'
import { createScout } from './scout.ts'
import { type Script, type ScriptArgs, type ScriptKeys, scriptArguments } from './script.ts'
import { endpointName, type ServerSettings } from './settings.ts'
import { createSubscriber } from './subscriber.ts'
import { createWaiting, refusalOf } from './waiting.ts'

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

/** Keeps one command link to a standalone server, and a subscriber link when something listens. */
export function openServer(
  settings: ServerSettings,
  clock: Clock,
  onEvent: (event: ServerEvent) => void,
): ServerConnection {
  const name = endpointName(settings.endpoint)
  const waiting = createWaiting(settings.waiting, clock)
  const hooks = new Set<RecoveryHook>()
  let link: Link | undefined
  let state: ServerConnection['state'] = 'connecting'
  let error: KeyplanError | undefined
  let downSince = clock.now()
  let last: Link['handshake'] | undefined
  let outstanding = 0
  let drained: (() => void) | undefined
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
      if (last) {
        const restarted = fresh.handshake.runId === undefined || fresh.handshake.runId !== last.runId
        const outage = { lasted: clock.now() - downSince, restarted }
        const open = seam(() => fresh, false)
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

  function seam(current: () => Link | undefined, mayWait: boolean): Pick<Redis, 'send' | 'evaluate'> {
    function send(command: string, args: readonly Argument[], call: Call, encoding?: Encoding): Promise<Reply> {
      if (state === 'closed') return Promise.reject(closed())
      const refusal = refusalOf(call, clock.now())
      if (refusal) return Promise.reject(refusal)
      const open = current()
      // A link that is broken but not yet known as lost would turn a call that never left into one that may have run.
      if (open?.usable) {
        call.written = true
        outstanding++
        return open.send(command, args, encoding).finally(settled)
      }
      if (!mayWait || !call.hold) return Promise.reject(unreachable())
      return new Promise((resolve, reject) => {
        waiting.add(call, args, () => send(command, args, call, encoding).then(resolve, reject), reject)
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

  const unreachable = () =>
    new KeyplanError('DISCONNECTED', error?.message ?? `Redis at ${name} is not connected`, { outcome: 'not-executed' })

  function settled(): void {
    if (--outstanding === 0) drained?.()
  }

  async function close(): Promise<void> {
    state = 'closed'
    scout.stop()
    ending.abort()
    waiting.reject(closed)
    const silenced = subscriber.close()
    if (outstanding > 0) await allSettled()
    link?.destroy(closed())
    await Promise.all([link?.ended, silenced])
  }

  /** Calls in flight may finish, as long as a link may be silent. */
  function allSettled(): Promise<void> {
    return new Promise(resolve => {
      const timer = clock.after(settings.stall, resolve, true)
      drained = () => {
        timer.cancel()
        resolve()
      }
    })
  }

  const commands = seam(() => link, true)
  const subscriber = createSubscriber(
    () => openLink({ ...settings, scripts: [] }, 'subscriber', clock, ending.signal),
    {
      reachable: () => link !== undefined,
      backoff: settings.backoff,
      clock,
    },
  )

  return {
    redis: {
      ...commands,
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
