import { isKeyplanError, KeyplanError } from '../../base/error.ts'
import type { SessionDevice } from './contract.ts'

/**
 * The stored form of a session is one JSON object:
 *
 *     {"v":3,"seen":…,"until":…,"created":…,"user":"42","device":{"ip":"…"},"by":"…","data":{…}}
 *
 * `v`, `seen` and `until` are its head, which only the store writes: version, last use, and the time beyond which no use extends
 * it. `by` is the mark of the last write, so that a write which is sent again finds itself. Times are milliseconds since the
 * epoch. What is left of a session that ended is `{"ended":…}`; with `"to"` it lives on at that key.
 */
export interface SessionRecord {
  readonly version: number
  readonly seen: number
  readonly until: number
  readonly created: number
  readonly user: string | undefined
  readonly device: SessionDevice
  /** The data as JSON. */
  readonly data: string
}

/** What is left of one that ended. */
export interface Trace {
  readonly ended: number
  /** The key at which it goes on. */
  readonly to?: string
  /** Whether who has the old id is led there. */
  readonly leads?: boolean
}

/** The head, and where it ends. Spaces may stand in it: other languages write JSON with them. */
const head = /^\{\s*"v"\s*:\s*(\d+)\s*,\s*"seen"\s*:\s*(\d+)\s*,\s*"until"\s*:\s*(\d+)\s*,/

/** The same in Lua. */
export const luaHead = `^{%s*"v"%s*:%s*(%d+)%s*,%s*"seen"%s*:%s*(%d+)%s*,%s*"until"%s*:%s*(%d+)%s*,()`

export interface Head {
  readonly version: number
  readonly seen: number
  readonly until: number
  readonly rest: string
}

/** Undefined when it is no session. */
export function headOf(raw: string): Head | undefined {
  const match = head.exec(raw)
  if (!match) return undefined
  const [text, version, seen, until] = match
  return { version: Number(version), seen: Number(seen), until: Number(until), rest: raw.slice(text.length) }
}

export const withHead = (version: number, seen: number, until: number, rest: string) =>
  `{"v":${version},"seen":${seen},"until":${until},${rest}`

/** What follows the head. */
export function restOf(
  { created, user, device, data }: Omit<SessionRecord, 'version' | 'seen' | 'until'>,
  mark: string,
) {
  const owner = user === undefined ? 'null' : JSON.stringify(user)
  return `"created":${created},"user":${owner},"device":${JSON.stringify(device)},"by":"${mark}","data":${data}}`
}

export const traceText = (trace: Trace) => JSON.stringify(trace)

const dataMark = ',"data":'

/**
 * What stands before the data, as `restOf` writes it: to match that takes a third of the time that parsing does. A device holds
 * texts alone, in which the quotes of what follows it would be escaped.
 */
const written =
  /^\{"v":(\d+),"seen":(\d+),"until":(\d+),"created":(\d+),"user":(?:null|"([^"\\]*)"),"device":(\{.*?\}),"by":"[\w-]*","data":/

/** @throws KeyplanError DECODE_FAILED when it is neither a session nor what is left of one */
export function recordOf(raw: string): SessionRecord | Trace {
  try {
    const match = written.exec(raw)
    if (match) return matchedRecord(raw, match)
    const at = raw.indexOf(dataMark)
    // What stands before is ours: a device holds texts alone, in which the quotes of the mark would be escaped.
    if (at > 0 && raw.startsWith('{"v":')) {
      return readRecord(JSON.parse(`${raw.slice(0, at)}}`), raw.slice(at + dataMark.length, -1))
    }
    const whole = JSON.parse(raw)
    if (typeof whole?.ended === 'number') return whole
    return readRecord(whole, JSON.stringify(whole.data))
  } catch {
    throw noSession()
  }
}

/**
 * What `decode` makes of the data.
 *
 * @throws KeyplanError DECODE_FAILED, without the parser's words, which quote what is stored
 */
export function dataOf<T>({ data }: Pick<SessionRecord, 'data'>, decode: (data: string) => T): T {
  try {
    return decode(data)
  } catch (error) {
    throw isKeyplanError(error) ? error : noSession()
  }
}

const noSession = () =>
  new KeyplanError('DECODE_FAILED', 'what is stored is no session; another service may have written the key')

function matchedRecord(raw: string, match: RegExpExecArray): SessionRecord {
  const device = match[6]!
  return {
    version: Number(match[1]),
    seen: Number(match[2]),
    until: Number(match[3]),
    created: Number(match[4]),
    user: match[5],
    device: device === '{}' ? {} : JSON.parse(device),
    data: raw.slice(match[0].length, -1),
  }
}

interface Written {
  readonly v: number
  readonly seen: number
  readonly until: number
  readonly created: number
  readonly user?: string | number | null
  readonly device?: SessionDevice
}

function readRecord({ v, seen, until, created, user, device }: Written, data: string): SessionRecord {
  for (const figure of [v, seen, until, created]) {
    if (typeof figure !== 'number') throw new TypeError('a figure of the session is missing')
  }
  const owner = user === undefined || user === null ? undefined : String(user)
  return { version: v, seen, until, created, user: owner, device: device ?? {}, data }
}

export const isTrace = (record: SessionRecord | Trace): record is Trace => 'ended' in record
