import { hostname } from 'node:os'
import type { Clock } from '../base/clock.ts'
import { type ErrorCode, isKeyplanError, KeyplanError } from '../base/error.ts'
import type { Argument, Reply } from './redis.ts'
import { type Endpoint, endpointName, type LinkRole, type LinkSettings } from './settings.ts'

/** What a new link learned of its server. */
export interface Handshake {
  /** `7.0.15`, or undefined where the user may not ask. */
  readonly version: string | undefined
  /** Differs between two runs of a server; undefined where the user may not ask. */
  readonly runId: string | undefined
  /** The server is a node of a cluster, which may have keys on others. */
  readonly inCluster: boolean
  /** Why this user can make no transactions, if so: the commands behind a MULTI that is refused would run all the same. */
  readonly noTransactions: KeyplanError | undefined
  /** Bytes of the longest argument that the server takes. One that is longer costs the link. */
  readonly longestArgument: number
  /** Epoch milliseconds on the server's clock at a monotonic reading `now`: an upper bound. */
  serverTime(now: number): number
}

type Send = (command: string, args: readonly Argument[]) => Promise<Reply>

const oldestMajor = 7

/** Redis' own, for users who may not ask. */
const usualLongestArgument = 512 * 1_048_576

/**
 * Makes a fresh connection usable: lets itself in, selects the database, names itself, checks the server, reads its
 * clock, and loads the scripts. The scripts are a write of their own, behind the answers to the rest: a server that turns us
 * away with a word and hangs up, because it is full, answers what it has not read with a reset, and that loses the word.
 */
export async function shakeHands(
  send: Send,
  settings: LinkSettings,
  endpoint: Endpoint,
  role: LinkRole,
  clock: Clock,
): Promise<Handshake> {
  const server = endpointName(endpoint)
  if (endpoint.password || endpoint.username) {
    const password = await passwordOf(endpoint, server)
    // The default user is let in by the one-argument form: unlike HELLO or AUTH with a user it fails when that user is
    // open, so a wrong password is never taken for a right one.
    const { username = 'default' } = endpoint
    await send('auth', username === 'default' ? [password] : [username, password]).catch(error => {
      throw refusal(error, server)
    })
  }
  const asked = clock.now()
  const [, , , info, time, bulk, noTransactions] = await Promise.all([
    endpoint.database === 0 ? undefined : select(send, endpoint, server),
    role === 'reader' ? optional(send('readonly', [])) : undefined,
    optional(send('client', ['SETNAME', connectionName(settings.name, role)])),
    optional(send('info', ['server'])),
    optional(send('time', [])),
    optional(send('config', ['GET', 'proto-max-bulk-len'])),
    role === 'commands' ? transactionRefusal(send) : undefined,
    // A server that cannot save refuses even this, and serves reads.
    optional(send('ping', []), [...forbidden, 'STORAGE']),
  ])
  const version = field(info, 'redis_version')
  if (version && Number.parseInt(version, 10) < oldestMajor) {
    throw new KeyplanError('UNSUPPORTED', `Redis at ${server} is version ${version}; keyplan needs 7.0 or newer`)
  }
  // Who may not load scripts may still send each of them whole.
  await Promise.all(settings.scripts.map(({ source }) => optional(send('script', ['LOAD', source]), forbidden)))
  const read = Array.isArray(time) ? Number(time[0]) * 1000 + Number(time[1]) / 1000 : clock.wall()
  const serverTime = (now: number) => Math.ceil(read + (now - asked))
  const longestArgument = (Array.isArray(bulk) && Number(bulk[1])) || usualLongestArgument
  const inCluster = field(info, 'redis_mode') === 'cluster'
  return { version, runId: field(info, 'run_id'), inCluster, noTransactions, longestArgument, serverTime }
}

async function select(send: Send, { database }: Endpoint, server: string): Promise<void> {
  try {
    await send('select', [database])
  } catch (error) {
    if (!isKeyplanError(error, 'SERVER') || !error.message.includes('out of range')) throw error
    throw new KeyplanError('UNSUPPORTED', `Redis at ${server} has no database ${database}`)
  }
}

async function passwordOf({ password }: Endpoint, server: string): Promise<string> {
  try {
    return (await password?.()) ?? ''
  } catch (cause) {
    const message = `Redis at ${server} was not asked, since the function that gives its password failed`
    throw new KeyplanError('DISCONNECTED', message, { outcome: 'not-executed', cause })
  }
}

/** What a user may not do, or what the server's configuration has renamed. */
const forbidden: readonly ErrorCode[] = ['NO_PERMISSION', 'UNSUPPORTED']

/** Restricted users may lack these commands, and servers outside a cluster refuse READONLY; the link works without. */
async function optional(
  reply: Promise<Reply>,
  harmless: readonly ErrorCode[] = [...forbidden, 'SERVER'],
): Promise<Reply | undefined> {
  try {
    return await reply
  } catch (error) {
    if (harmless.some(code => isKeyplanError(error, code))) return undefined
    throw error
  }
}

/** An empty transaction shows whether there may be others. */
async function transactionRefusal(send: Send): Promise<KeyplanError | undefined> {
  const answers = await Promise.allSettled([send('multi', []), send('exec', [])])
  const refusal = answers.find(answer => answer.status === 'rejected')?.reason
  if (refusal === undefined || forbidden.some(code => isKeyplanError(refusal, code))) return refusal
  throw refusal
}

function refusal(error: unknown, server: string): unknown {
  if (!isKeyplanError(error, 'SERVER')) return error
  const message = `Redis at ${server} has no password on its default user, yet one is configured: remove it, or name the user`
  return new KeyplanError('AUTH_FAILED', message, { outcome: 'not-executed' })
}

function field(info: Reply | undefined, name: string): string | undefined {
  return typeof info === 'string' ? new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1] : undefined
}

/** Names may hold no spaces. */
function connectionName(name: string, role: string): string {
  return `${name}:${role}:${hostname()}:${process.pid}`.replace(/[^\x21-\x7e]/g, '-')
}
