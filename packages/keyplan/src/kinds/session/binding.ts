import type { Clock, Timer } from '../../base/clock.ts'
import { type Duration, durationMs } from '../../base/duration.ts'
import { KeyplanError, kindOf, shown } from '../../base/error.ts'
import { groupProblems } from '../../base/option-group.ts'
import type { Listening, Wake } from '../../mechanisms/wake.ts'
import type { Access, Found } from './access.ts'
import type { SessionNames } from './names.ts'
import type { SessionSettings } from './settings.ts'

/** What is needed of a WebSocket; those of `ws` have it. */
export interface SessionSocket {
  on(event: 'message' | 'close', listener: () => void): unknown
  close(code?: number, reason?: string): void
  /** 2 and above when it is being closed, or is. */
  readonly readyState?: number | undefined
}

export interface BindOptions {
  /** How often the session is looked at, where no notice of its end is heard. Default: 30s. */
  checkEvery?: Duration | undefined
  /** Given to `socket.close`. Default: 4401. */
  code?: number | undefined
  /** Given to `socket.close`. Default: `session ended`. */
  reason?: string | undefined
}

/** `readyState` of a WebSocket that is being closed. */
const closing = 2

/** What an endpoint may send (RFC 6455, 7.4): `close` throws for others, and the socket would stay open. */
const closeCodes = [
  [1000, 1003],
  [1007, 1014],
  [3000, 4999],
] as const
/** What a control frame has room for beside the code, in bytes. */
const longestReason = 123

/** A socket that is tied to a session, until either ends. */
export interface Binding {
  /** Whether the socket was closed because the session had ended. */
  readonly ended: boolean
  /** Unties the socket and leaves it open. */
  close(): void
}

export interface Bindings {
  bind(key: string | undefined, socket: SessionSocket, options?: BindOptions): Binding
  /** Unties all of them. */
  close(): void
}

interface BindingParts {
  readonly settings: Pick<SessionSettings, 'ttlMs' | 'touchEveryMs'>
  readonly names: Pick<SessionNames, 'wake'>
  readonly access: Pick<Access, 'find'>
  readonly wakes: readonly Wake[]
  readonly clock: Clock
}

/**
 * A logout rings on the channel of the session, in whichever process it is done, and the socket's own looks come now and then
 * in case nothing was heard. While Redis cannot be asked a socket stays open for as long as the session may live unused.
 */
export function createBindings({ settings, names, access, wakes, clock }: BindingParts): Bindings {
  const all = new Set<Binding>()

  function bind(first: string | undefined, socket: SessionSocket, options: BindOptions = {}): Binding {
    const { checkMs, code, reason } = termsOf(socket, options)
    let key = first
    let ended = false
    let over = false
    let looking = false
    let again = false
    let aliveAt = clock.now()
    let touchedAt = clock.now()
    let timer: Timer | undefined
    let listening: readonly Listening[] = []

    function untie(): void {
      over = true
      timer?.cancel()
      for (const { close } of listening) close()
      listening = []
      all.delete(binding)
    }
    function end(): void {
      if (over) return
      untie()
      ended = true
      socket.close(code, reason)
    }
    function listen(): void {
      for (const { close } of listening) close()
      listening = wakes.map(wake => wake.listen(names.wake(key!), () => void look(false)))
    }
    function alive(found: Found): void {
      aliveAt = clock.now()
      if (found.key === key) return
      key = found.key
      listen()
    }
    /** One look at a time; a ring meanwhile asks for one more. */
    async function look(touch: boolean): Promise<void> {
      if (over || key === undefined) return end()
      if (looking) {
        again = true
        return
      }
      looking = true
      try {
        const found = await access.find(key, touch)
        // Closed meanwhile: it must not listen again.
        if (over) return
        if (found) alive(found)
        else end()
      } catch {
        if (clock.now() - aliveAt >= settings.ttlMs) end()
      }
      looking = false
      if (!again || over) return
      again = false
      void look(false)
    }
    function watch(): void {
      timer = clock.after(checkMs, () => {
        void look(false)
        if (!over) watch()
      })
    }

    const binding: Binding = {
      get ended() {
        return ended
      },
      close: untie,
    }
    all.add(binding)
    socket.on('close', untie)
    socket.on('message', () => {
      if (over || clock.now() - touchedAt < settings.touchEveryMs) return
      touchedAt = clock.now()
      void look(true)
    })
    // It was closed before, and will not say so again.
    if ((socket.readyState ?? 0) >= closing) untie()
    else if (key === undefined) queueMicrotask(end)
    else {
      listen()
      watch()
    }
    return binding
  }

  return {
    bind,
    close() {
      for (const binding of all) binding.close()
    },
  }
}

function termsOf(socket: unknown, options: BindOptions) {
  const { on, close } = (socket ?? {}) as Partial<SessionSocket>
  if (typeof on !== 'function' || typeof close !== 'function') {
    throw new KeyplanError('PARAM_INVALID', `the socket is ${kindOf(socket)}; give one with on() and close()`)
  }
  const [problem] = groupProblems(options, '', ['checkEvery', 'code', 'reason'])
  if (problem) throw new KeyplanError('PARAM_INVALID', problem)
  const { checkEvery = '30s', code = 4401, reason = 'session ended' } = options
  if (!closeCodes.some(([first, last]) => Number.isInteger(code) && code >= first && code <= last)) {
    throw new KeyplanError('PARAM_INVALID', `code is ${shown(code)}; give a WebSocket close code, such as 4401`)
  }
  const text = String(reason)
  if (Buffer.byteLength(text) > longestReason) {
    throw new KeyplanError('PARAM_INVALID', `reason takes more than ${longestReason} bytes, which no WebSocket sends`)
  }
  return { checkMs: durationMs(checkEvery, 'checkEvery', shown), code, reason: text }
}
