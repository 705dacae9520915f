import { createHmac } from 'node:crypto'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { clearCookie, parseCookies, readCookie, signedCookie, writeCookie } from '../../src/adapters/cookies.ts'

const [older, newer] = ['an older secret, long enough to sign', 'a newer secret, long enough to sign!']
const cookie = signedCookie({ keys: [newer] })

/** What a browser sends back. */
const sent = (header: string) => header.split(';')[0]!

describe('a signed cookie', () => {
  test('is for this host alone, over HTTPS, out of the reach of scripts and of other sites', () => {
    const header = writeCookie(cookie, 'abc')
    expect(header).toMatch(/^__Host-sid=abc\.[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
    expect(writeCookie(cookie, 'abc', Date.now() + 59_500)).toMatch(/; Max-Age=60; Path/)
    expect(writeCookie(cookie, 'abc', 0)).toMatch(/; Max-Age=0; Path/)
    expect(clearCookie(cookie)).toMatch(/^__Host-sid=; Max-Age=0; .*; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
  })

  test.each([
    [{ secure: false }, 'sid', '; Path=/; HttpOnly; SameSite=Lax'],
    [{ domain: 'shop.example' }, '__Secure-sid', '; Path=/; Domain=shop.example; HttpOnly; Secure; SameSite=Lax'],
    [{ path: '/app', name: 'id' }, '__Secure-id', '; Path=/app; HttpOnly; Secure; SameSite=Lax'],
    [{ sameSite: 'none' } as const, '__Host-sid', '; Path=/; HttpOnly; Secure; SameSite=None'],
  ])('has the prefix that its attributes allow: %o', (options, name, attributes) => {
    const made = signedCookie({ keys: [newer], ...options })
    expect([made.name, made.attributes]).toEqual([name, attributes])
  })

  test('any value comes back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), value => {
        const header = `other=1; ${sent(writeCookie(cookie, value))}; last="x"`
        expect(readCookie(header, cookie)).toEqual({ value, renew: false })
      }),
    )
  })

  test('is not believed when a single character of it is another', () => {
    const pair = sent(writeCookie(cookie, 'abcdefghijklmnopqrstuv'))
    const begin = pair.indexOf('=') + 1
    for (let at = begin; at < pair.length; at++) {
      for (const char of ['A', 'z', '.', '%', '']) {
        const forged = pair.slice(0, at) + char + pair.slice(at + 1)
        if (forged !== pair) expect(readCookie(forged, cookie)).toBeUndefined()
      }
    }
  })

  test('is not believed unsigned, signed by others, or when it is another cookie’s', () => {
    const name = cookie.name
    const forged = createHmac('sha256', 'guess').update(`${name}=abc`).digest('base64url')
    const other = signedCookie({ keys: [newer], name: 'other' })
    const moved = sent(writeCookie(other, 'abc')).replace('__Host-other', name)
    for (const header of [undefined, null, '', ';;=', `${name}`, `${name}=`, `${name}=abc`, `${name}=abc.`]) {
      expect(readCookie(header, cookie)).toBeUndefined()
    }
    for (const header of [`${name}=abc.${forged}`, moved, `${name}=%E0%A4%A.${forged}`, `sid=abc.${forged}`]) {
      expect(readCookie(header, cookie)).toBeUndefined()
    }
    const mine = sent(writeCookie(cookie, 'abc'))
    expect(readCookie(`${name}=tossed.${forged}; ${mine}`, cookie)?.value).toBe('abc')
  })

  test('signed with an older key it is believed, and to be written anew', () => {
    const before = sent(writeCookie(signedCookie({ keys: [older] }), 'abc'))
    const during = signedCookie({ keys: [newer, older] })
    expect(readCookie(before, during)).toEqual({ value: 'abc', renew: true })
    const after = sent(writeCookie(during, 'abc'))
    expect(readCookie(after, during)).toEqual({ value: 'abc', renew: false })
    expect(readCookie(after, cookie)).toEqual({ value: 'abc', renew: false })
    expect(readCookie(before, cookie)).toBeUndefined()
  })

  test('keys that are not set are skipped, and one must be', () => {
    const unset = undefined as string | undefined
    const signed = sent(writeCookie(signedCookie({ keys: [newer, unset] }), 'abc'))
    expect(readCookie(signed, signedCookie({ keys: [unset, newer] }))).toEqual({ value: 'abc', renew: false })
    expect(() => signedCookie({ keys: [unset, unset] })).toThrow(/keys is undefined in each place; list secrets/)
    expect(() => signedCookie({ keys: [] })).toThrow(/keys is an empty list/)
    expect(() => signedCookie({ keys: [newer, ''] })).toThrow(/no text of at least 32 characters/)
  })

  test('every problem is told at once, and no key', () => {
    const wrong = { keys: ['short secret'], name: '__Host-sid', sameSite: 'no', path: 'x', domain: 'a b', http: 1 }
    const refusal = (() => {
      try {
        return signedCookie(wrong as never)
      } catch (error) {
        return error
      }
    })() as { code: string; problems: string[]; message: string }
    expect(refusal.code).toBe('CONFIG_INVALID')
    expect(refusal.problems.length).toBe(6)
    expect(refusal.message).not.toContain('short secret')
    for (const options of [undefined, {}, { keys: [] }, { keys: [newer], secure: false, sameSite: 'none' }]) {
      expect(() => signedCookie(options as never)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
    }
    expect(inspect(cookie, { depth: 9 }) + JSON.stringify(cookie)).not.toContain(newer)
  })

  test('what browsers would not keep is refused', () => {
    const refused = expect.objectContaining({ code: 'VALUE_INVALID' })
    for (const value of ['x'.repeat(4_096), '\ud800', 5 as never]) {
      expect(() => writeCookie(cookie, value)).toThrow(refused)
    }
    for (const expiresAt of [Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => writeCookie(cookie, 'x', expiresAt)).toThrow(refused)
    }
  })

  test('a header is parsed as browsers write it', () => {
    expect(parseCookies('a=1; b="two"; c=x=y;d; =e; a=2')).toEqual([
      ['a', '1'],
      ['b', 'two'],
      ['c', 'x=y'],
      ['a', '2'],
    ])
  })
})
