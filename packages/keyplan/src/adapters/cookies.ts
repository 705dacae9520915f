import { createHmac, timingSafeEqual } from 'node:crypto'
import { KeyplanError, kindOf, shown } from '../base/error.ts'
import { groupProblems } from '../base/option-group.ts'
import { isWellFormed } from '../base/unicode.ts'

export interface CookieOptions {
  /**
   * Secrets of at least 32 characters, the newest first: it signs, all of them are accepted. Undefined ones are skipped, for
   * `[process.env.COOKIE_KEY, process.env.OLD_COOKIE_KEY]`.
   */
  keys: readonly (string | undefined)[]
  /** Without a prefix: that follows from the rest. Default: `sid`. */
  name?: string
  /** Sent over HTTPS alone. False is for development. Default: true. */
  secure?: boolean
  /** Default: `lax`. `none` needs `secure`. */
  sameSite?: 'lax' | 'strict' | 'none'
  /** Default: `/`. */
  path?: string
  /** Sent to subdomains of it as well. Default: to this host alone. */
  domain?: string
}

/** How a signed cookie is named, signed and sent. Prints no key. */
export interface SignedCookie {
  /**
   * As the browser has it: `__Host-sid` for this host alone over HTTPS, where no other host can set it; `__Secure-sid` with
   * a domain or a path; `sid` without HTTPS.
   */
  readonly name: string
  /** What follows the value in `Set-Cookie`. */
  readonly attributes: string
  sign(value: string): string
  /** The place of the key that made the signature, or -1. Takes the same time whatever is wrong with it. */
  signedBy(value: string, signature: string): number
}

/** What a request's cookie holds. */
export interface CookieReading {
  readonly value: string
  /** It was signed with an older key: write it anew. */
  readonly renew: boolean
}

const optionNames = ['keys', 'name', 'secure', 'sameSite', 'path', 'domain']
const sameSites = { lax: 'Lax', strict: 'Strict', none: 'None' } as const
const shortestKey = 32
/** What browsers keep of one cookie, its attributes included. */
const longestCookie = 4_096

/**
 * Prepares a signed cookie: HttpOnly, Secure, SameSite=Lax and for this host alone unless told otherwise.
 *
 * @throws KeyplanError CONFIG_INVALID with every problem, and none of the keys
 */
export function signedCookie(options: CookieOptions): SignedCookie {
  const problems = groupProblems(options, '', optionNames)
  const { keys: given, name = 'sid', secure = true, sameSite = 'lax', path = '/', domain } = options ?? {}
  const keys = Array.isArray(given) ? given.filter(key => key !== undefined) : []
  if (!Array.isArray(given)) problems.push(`keys is ${kindOf(given)}; list secrets, the newest first`)
  else if (keys.length === 0) {
    const why = given.length > 0 ? 'is undefined in each place' : 'is an empty list'
    problems.push(`keys ${why}; list secrets, the newest first: is the variable that holds one set?`)
  } else if (!keys.every(key => typeof key === 'string' && key.length >= shortestKey)) {
    problems.push(`one of the keys is no text of at least ${shortestKey} characters`)
  }
  if (typeof name !== 'string' || !/^[\w.-]+$/.test(name) || name.startsWith('__')) {
    problems.push(`name is ${shown(name)}; use letters, digits, '_', '.' and '-', and leave out prefixes`)
  }
  if (typeof secure !== 'boolean') problems.push(`secure is ${shown(secure)}; write true or false`)
  if (!Object.hasOwn(sameSites, sameSite))
    problems.push(`sameSite is ${shown(sameSite)}; use 'lax', 'strict' or 'none'`)
  else if (sameSite === 'none' && !secure) problems.push("sameSite is 'none', which browsers take with secure alone")
  if (typeof path !== 'string' || !/^\/[\x21-\x3a\x3c-\x7e]*$/.test(path)) {
    problems.push(`path is ${shown(path)}; begin with '/'`)
  }
  if (domain !== undefined && (typeof domain !== 'string' || !/^[A-Za-z0-9.-]+$/.test(domain))) {
    problems.push(`domain is ${shown(domain)}; give the name of a host`)
  }
  if (problems.length > 0) throw new KeyplanError('CONFIG_INVALID', `cookie: ${problems.join('; ')}`, { problems })

  const hostOnly = path === '/' && domain === undefined
  const full = `${secure ? (hostOnly ? '__Host-' : '__Secure-') : ''}${name}`
  const place = domain === undefined ? '' : `; Domain=${domain}`
  const attributes = `; Path=${path}${place}; HttpOnly${secure ? '; Secure' : ''}; SameSite=${sameSites[sameSite]}`
  // The name is signed too: the value of one cookie is not that of another.
  const signWith = (key: string, value: string) =>
    createHmac('sha256', key).update(`${full}=${value}`).digest('base64url')
  return {
    name: full,
    attributes,
    sign: value => signWith(keys[0]!, value),
    signedBy(value, signature) {
      const given = Buffer.from(signature)
      let found = -1
      for (const [index, key] of keys.entries()) {
        const expected = Buffer.from(signWith(key, value))
        const fits = given.length === expected.length && timingSafeEqual(given, expected)
        if (fits && found < 0) found = index
      }
      return found
    },
  }
}

/** The cookies of a request's `Cookie` header, in order; a name may be there more than once. */
export function parseCookies(header: string | null | undefined): [name: string, value: string][] {
  if (typeof header !== 'string') return []
  return header.split(';').flatMap((pair): [string, string][] => {
    const at = pair.indexOf('=')
    const name = pair.slice(0, Math.max(0, at)).trim()
    if (name === '') return []
    const value = pair.slice(at + 1).trim()
    return [[name, /^".*"$/.test(value) ? value.slice(1, -1) : value]]
  })
}

/** What the header holds for a cookie: undefined when it is not there or nobody with a key has signed it. */
export function readCookie(header: string | null | undefined, cookie: SignedCookie): CookieReading | undefined {
  for (const [name, text] of parseCookies(header)) {
    if (name !== cookie.name) continue
    const at = text.lastIndexOf('.')
    const value = at < 0 ? undefined : decoded(text.slice(0, at))
    if (value === undefined) continue
    const key = cookie.signedBy(value, text.slice(at + 1))
    if (key >= 0) return { value, renew: key > 0 }
  }
  return undefined
}

/**
 * The text of a `Set-Cookie` header.
 *
 * @param expiresAt milliseconds since the epoch, as `session.expiresAt`. Default: when the browser is closed
 * @throws KeyplanError VALUE_INVALID when browsers would not keep it
 */
export function writeCookie(cookie: SignedCookie, value: string, expiresAt?: number): string {
  if (typeof value !== 'string' || !isWellFormed(value)) {
    throw new KeyplanError('VALUE_INVALID', `the value of a cookie is ${kindOf(value)}; give well-formed text`)
  }
  if (expiresAt !== undefined && !Number.isFinite(expiresAt)) {
    throw new KeyplanError('VALUE_INVALID', `expiresAt is ${shown(expiresAt)}; give milliseconds since the epoch`)
  }
  const age = expiresAt === undefined ? '' : `; Max-Age=${Math.max(0, Math.ceil((expiresAt - Date.now()) / 1_000))}`
  const text = `${cookie.name}=${encodeURIComponent(value)}.${cookie.sign(value)}${age}${cookie.attributes}`
  if (text.length <= longestCookie) return text
  const size = `the cookie takes ${text.length} bytes, and browsers keep ${longestCookie}; store the data in a session`
  throw new KeyplanError('VALUE_INVALID', size)
}

/** The text of a `Set-Cookie` header that removes it. */
export function clearCookie(cookie: SignedCookie): string {
  return `${cookie.name}=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT${cookie.attributes}`
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
