import { type Duration, durationMs } from '../base/duration.ts'
import { KeyplanError, kindOf } from '../base/error.ts'
import { type Size, sizeBytes } from '../base/size.ts'
import type { Kinds, Setting, Unit } from './setting.ts'
import { isPort, parseRedisUrl, parseServer } from './url.ts'

/** A value as it was written, and by whom. */
export interface Written {
  readonly raw: unknown
  /** How errors call it: `REDIS_PORT`, `keyplan.yaml: redis.port`. */
  readonly name: string
  /** Code says what it means: a number is no text there. Variables and files may write either. */
  readonly byCode: boolean
  readonly unit?: Unit | undefined
}

type Reader<K extends keyof Kinds> = (written: Written, setting: Setting) => Kinds[K]

const yes = /^(true|yes|on|1)$/i
const no = /^(false|no|off|0)$/i
const number = /^-?\d+(\.\d+)?$/

const readers: { readonly [K in keyof Kinds]: Reader<K> } = {
  text: written => text(written, "text such as 'app:'"),
  file: written => text(written, 'the path of a file'),
  secret(written) {
    const { raw, byCode } = written
    if (byCode && typeof raw === 'function') return raw as Kinds['secret']
    const secret = typeof raw === 'number' && !byCode ? String(raw) : raw
    if (typeof secret !== 'string') throw wrong(written, 'the password, or a function that gives it')
    return () => secret
  },
  flag(written) {
    const { raw, byCode } = written
    if (typeof raw === 'boolean') return raw
    const said = typeof raw === 'number' ? String(raw) : raw
    if (byCode || typeof said !== 'string' || !(yes.test(said) || no.test(said))) throw wrong(written, 'true or false')
    return yes.test(said)
  },
  duration(written) {
    const { raw, name, unit, byCode } = written
    if (byCode) return durationMs(raw as Duration, name)
    const said = typeof raw === 'string' ? raw.trim() : raw
    if (unit && number.test(String(said))) {
      if (!(Number(said) > 0)) throw wrong(written, `a length of time such as '30s', or a number of ${unit}`)
      return durationMs(`${Number(said)}${unit}`, name)
    }
    return durationMs(said as Duration, name, () => kindOfNumber(said))
  },
  count: written => whole(written, 1),
  amount: written => whole(written, 0),
  port(written) {
    const { raw } = written
    if (typeof raw === 'number' || typeof raw === 'string') {
      if (isPort(String(raw))) return Number(raw)
      if (number.test(String(raw))) throw new KeyplanError('CONFIG_INVALID', `${written.name} is outside 1 to 65535`)
    }
    throw wrong(written, 'a port from 1 to 65535')
  },
  database(written) {
    if (/^\d{1,5}$/.test(String(written.raw))) return Number(written.raw)
    throw wrong(written, 'the number of a database, such as 0')
  },
  size(written) {
    const { raw, name, byCode } = written
    if (!byCode && /^[1-9]\d*$/.test(String(raw))) return Number(raw)
    const said = typeof raw === 'string' && !byCode ? raw.trim().toLowerCase() : raw
    return sizeBytes(said as Size, name, byCode ? kindOf : kindOfNumber)
  },
  url(written) {
    const { raw, name } = written
    if (typeof raw !== 'string') throw wrong(written, 'a URL such as redis://host:6379')
    return parseRedisUrl(raw, name)
  },
  server: written => parseServer(text(written, 'host:6379').trim(), written.name),
  servers(written, { path }) {
    const { raw, name } = written
    const port = path === 'redis.sentinel.addresses' ? 26_379 : undefined
    const listed = typeof raw === 'string' && !written.byCode ? words(raw) : raw
    if (!Array.isArray(listed)) throw wrong(written, "a list such as ['host:6379']")
    if (listed.length === 0 && path !== 'redis.replicas.addresses') {
      throw new KeyplanError('CONFIG_INVALID', `${name} is an empty list; write one such as ['host:6379']`)
    }
    return listed.map((item, index) => {
      const place = `${name}[${index}]`
      return parseServer(text({ ...written, raw: item, name: place }, 'host:6379').trim(), place, port)
    })
  },
  choice(written, { choices = [] }) {
    const said = typeof written.raw === 'number' ? String(written.raw) : written.raw
    if (typeof said === 'string' && choices.includes(said)) return said
    const quoted = choices.map(choice => `'${choice}'`)
    throw wrong(written, `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`)
  },
  words(written) {
    const { raw } = written
    if (typeof raw === 'string') return words(raw)
    if (Array.isArray(raw) && raw.every(word => typeof word === 'string')) return raw
    throw wrong(written, "a list such as ['127.0.0.1', '::1']")
  },
  map(written) {
    const { raw } = written
    if (isGroup(raw) && Object.values(raw).every(value => typeof value === 'string')) return raw as Kinds['map']
    throw wrong(written, "an object of texts such as { '10.0.0.5:6379': 'localhost:7000' }")
  },
  tls(written) {
    if (!isGroup(written.raw)) throw wrong(written, 'an object of TLS settings')
    return written.raw
  },
  tree(written) {
    if (typeof written.raw !== 'object') throw wrong(written, 'a group of settings')
    return written.raw
  },
}

/**
 * What a written value means.
 *
 * @throws KeyplanError that names the setting and the kind of the value, and never shows text, which may be a secret
 */
export function readValue(setting: Setting, written: Written): Kinds[keyof Kinds] {
  return readers[setting.kind](written, setting)
}

export function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const words = (text: string) => text.split(/[\s,]+/).filter(word => word !== '')

function text(written: Written, remedy: string): string {
  const { raw, byCode } = written
  if (typeof raw === 'number' && !byCode) return String(raw)
  if (typeof raw !== 'string') throw wrong(written, remedy)
  return raw
}

function whole(written: Written, least: number): number {
  const { raw, byCode } = written
  const said = typeof raw === 'string' && !byCode && number.test(raw.trim()) ? Number(raw) : raw
  if (typeof said === 'number' && Number.isSafeInteger(said) && said >= least) return said
  const remedy = `a whole number from ${least} up`
  // A number that code wrote as a number is no secret; a variable may hold a password in the wrong place.
  if (byCode && typeof raw === 'number') throw wrong(written, remedy, String(raw))
  throw wrong(written, remedy)
}

function wrong({ raw, name, byCode }: Written, remedy: string, kind = byCode ? kindOf(raw) : kindOfNumber(raw)) {
  return new KeyplanError('CONFIG_INVALID', `${name} is ${kind}; write ${remedy}`)
}

function kindOfNumber(value: unknown): string {
  const text = typeof value === 'number' ? String(value) : value
  if (typeof text !== 'string' || !number.test(text)) return kindOf(value)
  if (Number(text) < 0) return 'a negative number'
  return text.includes('.') ? 'a fraction' : 'a number'
}
