import type { Socket } from 'node:net'
import type { Clock } from '../base/clock.ts'
import { KeyplanError, type Outcome } from '../base/error.ts'
import { loadCommandTable } from './command-table.ts'
import { linkFailure, replyFailure, systemCode } from './failure.ts'
import { type Handshake, shakeHands } from './handshake.ts'
import type { Argument, ChannelKind, Encoding, Reply } from './redis.ts'
import { type Endpoint, endpointName, type LinkRole, type LinkSettings } from './settings.ts'
import { watchStall } from './stall.ts'
import { ErrorReply } from './wire/reply-parser.ts'
import { openSocket } from './wire/socket.ts'
import { createWire, type WireOptions } from './wire/wire.ts'

/** One connection, from its handshake to its end. It never reconnects: a lost link is replaced by a new one. */
export interface Link {
  readonly handshake: Handshake
  /** Whether it can still be written to. Turns false some time before `ended` resolves. */
  readonly usable: boolean
  /** Writes the command behind all earlier ones. Rejects with a KeyplanError. */
  send(command: string, args: readonly Argument[], encoding?: Encoding): Promise<Reply>
  /** Why the server would hang up on these arguments, if so. */
  refusal(args: readonly Argument[]): KeyplanError | undefined
  /** The one connection that the commands of a key use: what must not be parted is sent on it. */
  forKey(key: string | undefined): Link
  /** Messages of what this link subscribed to: `name` is that, and `channel` where the message was sent to. */
  onMessage(handler: (kind: ChannelKind, name: string, payload: string, channel: string) => void): void
  /** What the server tells of changed keys: null for all there were. */
  onInvalidation(handler: (keys: readonly string[] | null) => void): void
  /** When the server last sent something, on the clock. */
  readonly heardAt: number
  /** Resolves with the reason once the link is gone. */
  readonly ended: Promise<KeyplanError>
  /** Drops the connection; calls outstanding end as unknown. */
  destroy(reason: KeyplanError): void
}

/**
 * Opens a connection and shakes hands.
 *
 * @param signal ends the attempt, not the link
 * @throws KeyplanError DISCONNECTED, TIMEOUT, AUTH_FAILED, TLS_FAILED, UNSUPPORTED (server older than 7.0), CLOSED by the
 * signal
 */
export async function openLink(
  settings: LinkSettings,
  endpoint: Endpoint,
  role: LinkRole,
  clock: Clock,
  signal: AbortSignal,
): Promise<Link> {
  if (signal.aborted) throw closure()
  const server = endpointName(endpoint)
  let socket: Socket | undefined
  let reason: unknown
  let welcome = false

  function destroy(why: unknown): void {
    reason ??= why
    socket?.destroy()
  }
  const failure = (outcome: Outcome) => linkFailure(reason, server, outcome)
  const shake = endpoint.tls ? 'TLS handshake' : 'handshake'
  const hint = endpoint.tls ? '; does it speak TLS on this port?' : ''
  const tooLate = clock.after(settings.connectTimeout, () =>
    destroy(new KeyplanError('TIMEOUT', `Redis at ${server} did not complete the ${shake} in time${hint}`)),
  )
  const giveUp = () => destroy(closure())
  signal.addEventListener('abort', giveUp)
  try {
    // What is known of all commands comes with the first link: memory mode needs none of it.
    const [connected] = await Promise.all([openSocket(endpoint, begin), loadCommandTable()]).catch(error => {
      reason ??= error
      throw failure('not-executed')
    })
    const ended = new Promise<KeyplanError>(resolve => {
      connected.once('close', () => {
        if (!welcome) reason ??= unwelcome(endpoint, server)
        stall.stop()
        wire.end(() => failure('unknown'))
        resolve(failure('unknown'))
      })
    })
    const backlog = () => (connected as Backlogged)._handle?.writeQueueSize ?? 0
    const stall = watchStall(server, settings, clock, destroy, () => send('ping', []), backlog)
    const heard = { at: clock.now(), message: (() => {}) as WireOptions['message'] }
    const wire = createWire(connected, {
      flush: settings.flush,
      // Not in a handshake: a server that refuses us and hangs up would answer a second write with a reset, and that loses
      // what it said.
      isEager: () => welcome,
      heard() {
        heard.at = clock.now()
        stall.heard()
      },
      settled: stall.settled,
      message: (...news) => heard.message(...news),
      moved: () => destroy(undefined),
      unasked: reply => destroy(reply instanceof ErrorReply ? replyFailure(reply.text) : noReply(server)),
      broken: () => destroy(noReply(server)),
    })

    let longest = Number.POSITIVE_INFINITY
    function refusal(args: readonly Argument[]): KeyplanError | undefined {
      for (const arg of args) {
        // A character of text has three bytes at most.
        if (typeof arg === 'number' || arg.length * 3 <= longest || Buffer.byteLength(arg) <= longest) continue
        const message = `Redis at ${server} takes no value of more than ${longest} bytes (proto-max-bulk-len)`
        return new KeyplanError('VALUE_INVALID', message, { outcome: 'not-executed' })
      }
      return undefined
    }
    function send(name: string, args: readonly Argument[], encoding: Encoding = 'text'): Promise<Reply> {
      const refused = connected.writable ? refusal(args) : failure('not-executed')
      if (refused) return Promise.reject(refused)
      stall.sent()
      return wire.send(name, args, encoding)
    }

    // A password that is never told must not keep the attempt alive.
    const lost = ended.then(why => Promise.reject(why))
    const handshake = await Promise.race([shakeHands(send, settings, endpoint, role, clock), lost])
    welcome = true
    longest = handshake.longestArgument
    const link: Link = {
      handshake,
      get usable() {
        return connected.writable
      },
      send,
      refusal,
      onMessage(handler) {
        heard.message = (kind, name, payload, channel) =>
          handler(kind, name, typeof payload === 'string' ? payload : '', channel)
      },
      get heardAt() {
        return heard.at
      },
      onInvalidation(handler) {
        // Anybody may publish on this channel; what the server itself does not say may mean anything.
        heard.message = (_kind, _name, payload) => handler(Array.isArray(payload) ? payload.map(String) : null)
      },
      ended,
      destroy,
      forKey: () => link,
    }
    return link
  } catch (error) {
    destroy(error)
    throw error
  } finally {
    tooLate.cancel()
    signal.removeEventListener('abort', giveUp)
  }

  function begin(made: Socket): void {
    socket = made
    if (reason !== undefined) made.destroy()
    made.on('error', error => {
      const hungUp = !welcome && hangUps.includes(systemCode(error) ?? '')
      reason ??= hungUp ? unwelcome(endpoint, server) : error
    })
  }
}

/** What the system has not taken yet, as `net` itself counts it for its own timeout. */
interface Backlogged {
  readonly _handle?: { readonly writeQueueSize?: number } | null
}

const hangUps: readonly string[] = ['ECONNRESET', 'EPIPE']

/** A server that hangs up on a new client without a word. */
function unwelcome({ tls }: Endpoint, server: string): KeyplanError {
  const hint = tls ? '' : '; does it want TLS on this port?'
  const message = `Redis at ${server} closed the connection during the handshake${hint}`
  return new KeyplanError('DISCONNECTED', message, { outcome: 'not-executed' })
}

/** The link would give one caller the reply of another. */
const noReply = (server: string) => new KeyplanError('PROTOCOL', `Redis at ${server} sent what is not a reply`)

const closure = () => new KeyplanError('CLOSED', 'The client is closed', { outcome: 'not-executed' })
