import { type ErrorCode, isKeyplanError, KeyplanError, type Outcome } from '../base/error.ts'

/** What the first word of an error reply means, and what to tell the caller of it. */
const replies: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  WRONGTYPE: ['WRONG_TYPE', 'the key holds another data type than this namespace; something else writes it'],
  NOPERM: ['NO_PERMISSION', 'the Redis user lacks a permission'],
  NOAUTH: ['AUTH_FAILED', 'the server asks for a password and none was given'],
  WRONGPASS: ['AUTH_FAILED', 'the server refused the user name or password'],
  READONLY: ['READONLY', 'the server is a replica and takes no writes'],
  LOADING: ['LOADING', 'the server is still loading its data'],
  MASTERDOWN: ['MASTER_DOWN', 'the replica has lost its master'],
  NOREPLICAS: ['NO_REPLICAS', 'the server has too few replicas to take writes'],
  MISCONF: ['STORAGE', 'the server cannot save to disk and refuses writes'],
  OOM: ['OUT_OF_MEMORY', 'the server is at maxmemory and refuses writes'],
  BUSY: ['BUSY', 'the server is busy with a script'],
  CROSSSLOT: ['CROSS_SLOT', 'the keys of one call lie in different slots'],
  CLUSTERDOWN: ['CLUSTER_DOWN', 'the cluster does not serve this slot'],
  TRYAGAIN: ['TRY_AGAIN', 'the keys of this call are on their way to another node of the cluster'],
  UNBLOCKED: ['READONLY', 'the server became a replica, or the stream is gone, while a call waited on it'],
}

/** A node of a cluster says who has the slot of a key: for good (MOVED), or for this key alone (ASK). */
export interface Redirection {
  readonly kind: 'MOVED' | 'ASK'
  readonly slot: number
  /** Empty for the node that answers. */
  readonly host: string
  readonly port: number
}

const redirection = /^(MOVED|ASK) (\d+) (.*):(\d+)$/

/** Where an error sends the caller, if it does. */
export function redirectionOf(error: unknown): Redirection | undefined {
  return isKeyplanError(error, 'REDIRECTED') ? (error.cause as Redirection) : undefined
}

/** Server texts that only their wording tells apart. */
const phrases: readonly (readonly [RegExp, ErrorCode, string])[] = [
  [/max number of clients reached/, 'MAX_CLIENTS', 'the server has reached maxclients'],
  [/unknown (redis )?(sub)?command/i, 'UNSUPPORTED', 'the server does not know, or does not allow, a command'],
  [/script can't run this command/, 'NO_PERMISSION', 'the Redis user lacks the permission for a command of the script'],
  [
    /script can't access .* (keys|channels)/,
    'NO_PERMISSION',
    'the Redis user lacks the permission for a key or channel of the script',
  ],
  [/invalid (multi)?bulk length/, 'VALUE_INVALID', 'a value is larger than the server takes (proto-max-bulk-len)'],
  [/Protocol error/, 'PROTOCOL', 'the server and the client no longer understand each other'],
]

/** Why EXEC itself was refused. Errors of the commands before it have been told with these. */
const transactionAborted = /^EXECABORT Transaction discarded because of: (?!previous errors)(.*)/s

/** The server answered with an error: it did not do what was asked. */
export function replyFailure(text: string): KeyplanError {
  const [, abortedBy] = transactionAborted.exec(text) ?? []
  if (abortedBy) return replyFailure(abortedBy)
  const word = text.slice(0, Math.max(0, text.indexOf(' '))) || text
  const known = replies[word]
  if (known) {
    // NOPERM names the missing permission; no other reply is quoted, since it may repeat arguments.
    const detail = word === 'NOPERM' ? `: ${text.slice(7)}` : ''
    return new KeyplanError(known[0], `Redis: ${known[1]}${detail} (${word})`, { outcome: 'not-executed' })
  }
  const [, kind, slot, host = '', port] = redirection.exec(text) ?? []
  if (kind) {
    const cause: Redirection = { kind: kind as Redirection['kind'], slot: Number(slot), host, port: Number(port) }
    const message = 'Redis: the key belongs to another node: the server is part of a cluster; connect with `cluster`'
    return new KeyplanError('REDIRECTED', message, { outcome: 'not-executed', cause })
  }
  for (const [form, code, message] of phrases) {
    if (form.test(text)) return new KeyplanError(code, `Redis: ${message}`, { outcome: 'not-executed' })
  }
  return new KeyplanError('SERVER', `Redis answered: ${withoutArguments(text)}`, { outcome: 'not-executed' })
}

/** How Node and OpenSSL name what is wrong with a certificate, a key, or the other side's idea of TLS. */
const tlsReasons =
  /^ERR_(SSL|TLS|OSSL)_|CERT|CRL_|^UNABLE_TO_|^INVALID_(CA|PURPOSE)$|^PATH_LENGTH_EXCEEDED$|^HOSTNAME_MISMATCH$/

/** The link broke, or could not be made. */
export function linkFailure(cause: unknown, server: string, outcome: Outcome): KeyplanError {
  if (isKeyplanError(cause)) {
    return new KeyplanError(cause.code, cause.message, { outcome, cause: cause.cause })
  }
  const reason = systemCode(cause) ?? 'the connection was lost'
  if (tlsReasons.test(reason)) {
    return new KeyplanError('TLS_FAILED', `Redis at ${server}: TLS was refused: ${reason}`, { outcome, cause })
  }
  return new KeyplanError('DISCONNECTED', `Redis at ${server}: ${reason}`, { outcome })
}

/** `ECONNREFUSED`, `ENOTFOUND`, … of a socket error; also of the AggregateError of a host with several addresses. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  if ('code' in error && typeof error.code === 'string') return error.code
  if (error instanceof AggregateError) return systemCode(error.errors[0])
  return undefined
}

/** What the server quotes is what it was sent: of ACL SETUSER, a password. */
function withoutArguments(text: string): string {
  return text
    .replace(/,? with args beginning with.*/s, '')
    .replace(/'.*'/s, "'…'")
    .slice(0, 200)
}
