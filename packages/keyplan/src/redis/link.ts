import { isIP } from 'node:net'
import type { Command as IoredisCommand } from 'ioredis'
import type { Clock } from '../base/clock.ts'
import { KeyplanError } from '../base/error.ts'
import { loadCommandTable } from './command-table.ts'
import { isReplyError, linkFailure, replyFailure, streamFailure, systemCode } from './failure.ts'
import { type Handshake, shakeHands } from './handshake.ts'
import type { Argument, ChannelKind, Encoding, Reply } from './redis.ts'
import { type Endpoint, endpointName, type LinkRole, type LinkSettings } from './settings.ts'
import { watchStall } from './stall.ts'

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

/** The socket under ioredis, which it keeps to itself. */
interface Socket {
  cork(): void
  uncork(): void
  readonly writable: boolean
  destroy(error?: Error): void
  prependListener(event: 'data', listener: () => void): void
  /** What the system has not taken yet, as `net` itself counts it for its own timeout. */
  readonly _handle?: { readonly writeQueueSize?: number } | null
}

/**
 * Opens a connection and shakes hands.
 *
 * ioredis is used for its socket, parser and command queue alone. Everything it would do by itself is off, because it
 * does it without knowing what a call means: it resends commands that may have run, keeps an unbounded offline queue,
 * and lets a wrong password pass on a server whose default user is open.
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
  const begun = clock.now()
  const server = endpointName(endpoint)
  // Loaded with the first link: a third of what importing the client would cost, and memory mode needs none of it.
  const [{ Redis: Client, Command }] = await Promise.all([import('ioredis'), loadCommandTable()])
  const client = new Client({
    ...(endpoint.path ? { path: endpoint.path } : { host: endpoint.host, port: endpoint.port }),
    ...(endpoint.tls && { tls: { ...serverName(endpoint), ...endpoint.tls } }),
    protocol: 2,
    lazyConnect: true,
    connectTimeout: settings.connectTimeout,
    retryStrategy: () => null,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    disableClientInfo: true,
    // Its socket is destroyed at once. Otherwise each lost link would keep the process for another two seconds.
    disconnectTimeout: 0,
  })
  let reason: unknown
  let welcome = false
  client.on('error', error => {
    const hungUp = !welcome && hangUps.includes(systemCode(error) ?? '')
    reason ??= hungUp ? unwelcome(endpoint, server) : streamFailure(error, server)
    // After bytes that make no sense the link would give one caller the reply of another.
    socket()?.destroy()
  })
  const ended = new Promise<KeyplanError>(resolve => {
    client.once('end', () => {
      if (!welcome) reason ??= unwelcome(endpoint, server)
      resolve(linkFailure(reason, server, 'unknown'))
    })
  })

  function destroy(why: KeyplanError): void {
    reason ??= why
    client.disconnect()
    socket()?.destroy()
  }
  const socket = () => (client as unknown as { stream?: Socket }).stream
  const usable = () => client.status === 'ready' && socket()?.writable === true

  const shake = endpoint.tls ? 'TLS handshake' : 'handshake'
  const hint = endpoint.tls ? '; does it speak TLS on this port?' : ''
  const tooLate = clock.after(Math.max(0, settings.connectTimeout - (clock.now() - begun)), () =>
    destroy(new KeyplanError('TIMEOUT', `Redis at ${server} did not complete the ${shake} in time${hint}`)),
  )
  const giveUp = () => destroy(closure())
  signal.addEventListener('abort', giveUp)
  try {
    await client.connect().catch(error => {
      throw linkFailure(reason ?? error, server, 'not-executed')
    })
    const backlog = () => socket()?._handle?.writeQueueSize ?? 0
    const stall = watchStall(server, settings, clock, destroy, () => send('ping', []), backlog)
    let heardAt = clock.now()
    socket()?.prependListener('data', () => {
      heardAt = clock.now()
      stall.heard()
    })
    void ended.then(stall.stop)

    let corked = false
    let commands = 0
    let words = 0
    let underWay = 0
    /**
     * What is written in one tick leaves in one system call, or in a few: see `wordsAtOnce`. While the server has
     * nothing to do it gets the first command at once; but not of a handshake, since one that refuses us and hangs up
     * would answer a second write with a reset, and that loses what it said.
     */
    function cork(): void {
      if (corked || (underWay === 0 && welcome)) return
      corked = true
      socket()?.cork()
      process.nextTick(uncork)
    }
    function uncork(): void {
      if (!corked) return
      corked = false
      commands = 0
      words = 0
      socket()?.uncork()
    }
    function written(args: readonly Argument[]): void {
      commands++
      words += args.length
      if (commands >= settings.flush || words >= wordsAtOnce) uncork()
    }

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
      if (!usable()) return Promise.reject(linkFailure(reason, server, 'not-executed'))
      const refused = refusal(args)
      if (refused) return Promise.reject(refused)
      const command = new Command(name, wireArguments(args), encoding === 'text' ? { replyEncoding: 'utf8' } : {})
      if (withSecrets.has(name)) conceal(command)
      cork()
      underWay++
      stall.sent()
      // What is put before these two is done a promise sooner than what comes after them. Not so with a lost link:
      // ioredis rejects what was under way on it before it tells why.
      const { resolve, reject } = command
      command.resolve = reply => {
        settled()
        resolve(reply)
      }
      command.reject = error =>
        queueMicrotask(() => {
          settled()
          // Rebuilt from its text: an ioredis error carries the arguments, which may hold a password.
          reject(isReplyError(error) ? replyFailure(error.message) : linkFailure(reason ?? error, server, 'unknown'))
        })
      const reply = client.sendCommand(command) as Promise<Reply>
      written(args)
      return reply
    }
    function settled(): void {
      underWay--
      stall.settled()
    }

    // A password that is never told must not keep the attempt alive.
    const lost = ended.then(why => Promise.reject(why))
    const handshake = await Promise.race([shakeHands(send, settings, endpoint, role, clock), lost])
    welcome = true
    longest = handshake.longestArgument
    const link: Link = {
      handshake,
      get usable() {
        return usable()
      },
      send,
      refusal,
      onMessage(handler) {
        client.on('message', (channel, payload) => handler('exact', channel, payload, channel))
        client.on('smessage', (channel, payload) => handler('sharded', channel, payload, channel))
        client.on('pmessage', (pattern, channel, payload) => handler('pattern', pattern, payload, channel))
        // The slot of a sharded channel has gone to another node, and the subscription has ended without a word.
        client.on('moved', () => destroy(linkFailure(undefined, server, 'unknown')))
      },
      get heardAt() {
        return heardAt
      },
      onInvalidation(handler) {
        client.on('messageBuffer', (_channel, payload: unknown) => {
          // Anybody may publish on this channel; what the server itself does not say may mean anything.
          handler(Array.isArray(payload) ? payload.map(String) : null)
        })
      },
      ended,
      destroy,
      forKey: () => link,
    }
    return link
  } catch (error) {
    client.disconnect()
    socket()?.destroy()
    throw error
  } finally {
    tooLate.cancel()
    signal.removeEventListener('abort', giveUp)
  }
}

/** An address is no server name: node warns of it, and certificates are checked against `host` anyway. */
const serverName = ({ host }: Endpoint) => host !== undefined && isIP(host) === 0 && { servername: host }

const hangUps: readonly string[] = ['ECONNRESET', 'EPIPE']

/** A server that hangs up on a new client without a word. */
function unwelcome({ tls }: Endpoint, server: string): KeyplanError {
  const hint = tls ? '' : '; does it want TLS on this port?'
  const message = `Redis at ${server} closed the connection during the handshake${hint}`
  return new KeyplanError('DISCONNECTED', message, { outcome: 'not-executed' })
}

/** Commands that may bring a password along, spelled as they come here. */
const withSecrets: ReadonlySet<string> = new Set(['auth', 'ACL', 'CONFIG', 'MIGRATE'])

/** What ioredis shows of a command, in its debug log and to who traces it, is not what it writes then. */
function conceal(command: IoredisCommand): void {
  const written = command.toWritable(undefined as never)
  command.toWritable = () => written
  command.args = ['(hidden)']
}

/**
 * A server answers nothing before it has read it: what is worth its while goes off at once, so that it works on that while
 * the rest is written. A gathered call of some thirty keys is.
 */
const wordsAtOnce = 64

const closure = () => new KeyplanError('CLOSED', 'The client is closed', { outcome: 'not-executed' })

function wireArguments(args: readonly Argument[]): (string | Buffer | number)[] {
  const list = args as (string | Buffer | number)[]
  for (let index = 0; index < args.length; index++) {
    const value = args[index]
    if (value instanceof Uint8Array && !Buffer.isBuffer(value)) {
      return args.map(item =>
        item instanceof Uint8Array ? Buffer.from(item.buffer, item.byteOffset, item.byteLength) : item,
      )
    }
  }
  return list
}
