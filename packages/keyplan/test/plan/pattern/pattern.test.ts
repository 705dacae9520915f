import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { isKeyplanError } from '../../../src/base/error.ts'
import { parsePattern, readPattern } from '../../../src/plan/pattern/parse.ts'
import type { ParamValues } from '../../../src/plan/pattern/pattern.ts'

function refusal(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (isKeyplanError(error)) return `${error.code} ${error.message}`
    throw error
  }
  throw new Error('nothing was refused')
}

describe('format and match', () => {
  test.each([
    ['user:<id>', { id: 'u1' }, 'user:u1'],
    ['user:<id>', { id: '' }, 'user:%-'],
    ['user:<id>', { id: '%-' }, 'user:%25-'],
    ['user:<id>', { id: 'a:b' }, 'user:a%3Ab'],
    ['user:<id>', { id: '{x}<y>*?[z]\\%' }, 'user:%7Bx%7D%3Cy%3E%2A%3F%5Bz%5D%5C%25'],
    ['user:<id>', { id: '\0\r\n\x7f\x85' }, 'user:%00%0D%0A%7F%C2%85'],
    ['user:<id>', { id: 'é e\u0301 😀 ^-' }, 'user:é e\u0301 😀 ^-'],
    ['user:<id>', { id: '~fence' }, 'user:%7Efence'],
    ['user:<id>', { id: 'a~b' }, 'user:a~b'],
    ['cache:<key...>', { key: 'a:b::~c:' }, 'cache:a:b::%7Ec:'],
    ['cache:<key...>', { key: '' }, 'cache:%-'],
    ['cart:{<cart>}:items', { cart: '}{' }, 'cart:{%7D%7B}:items'],
    ['<a>-x:y-<b>.json', { a: 'p-x', b: 'q.json' }, 'p-x-x:y-q.json.json'],
    ['fixed', {}, 'fixed'],
  ])('%s with %j is %s and back', (source, params, key) => {
    const pattern = parsePattern(source)
    expect(pattern.format(params as ParamValues)).toBe(key)
    expect(pattern.match(key)).toEqual(params)
  })

  test('numbers are written as JavaScript prints them and come back as strings', () => {
    const pattern = parsePattern('page:<n>')
    expect(pattern.format({ n: 12.5 })).toBe('page:12.5')
    expect(pattern.format({ n: -0 })).toBe('page:0')
    expect(pattern.match(pattern.format({ n: 1e21 }))).toEqual({ n: '1e+21' })
  })

  test.each([
    ['user:<id>', 'user:'],
    ['user:<id>', 'user:a:b'],
    ['user:<id>', 'user:%3a'],
    ['user:<id>', 'user:%41'],
    ['user:<id>', 'user:%'],
    ['user:<id>', 'user:%E0%A4'],
    ['user:<id>', 'user:%--'],
    ['user:<id>', 'user:~x'],
    ['user:<id>', 'user:a*'],
    ['user:<id>', 'user:\ud800'],
    ['user:<id>', `user:${'x'.repeat(1_025)}`],
    ['user:<id>', 'USER:a'],
    ['rest:<key...>', 'rest:a%3Ab'],
    ['rest:<key...>', 'rest:a:~b'],
    ['cart:{<cart>}:x', 'cart:{a}:y'],
    ['fixed', 'fixed:more'],
  ])('%s does not own %j', (source, key) => {
    expect(parsePattern(source).match(key)).toBeUndefined()
  })

  test('a value of exactly 1 kB encoded fits, one byte more does not', () => {
    const pattern = parsePattern('user:<id>')
    for (const [unit, count] of [
      ['x', 1_024],
      ['é', 512],
      ['😀', 256],
      ['%', 341],
    ] as const) {
      const id = unit.repeat(count)
      expect(pattern.match(pattern.format({ id }))).toEqual({ id })
      expect(refusal(() => pattern.format({ id: `${id}${unit}` }))).toContain('1024 bytes')
    }
  })

  test('a parameter named like a property of every object is only what was given', () => {
    const pattern = parsePattern('x:<constructor>:<toString>')
    expect(refusal(() => pattern.format({}))).toContain("'constructor'")
    const params = { constructor: 'a', toString: 'b' }
    expect(pattern.match(pattern.format(params as unknown as ParamValues))).toEqual(params)
  })

  test.each([
    [undefined, 'undefined'],
    [null, 'null'],
    [Number.NaN, 'NaN'],
    [Number.POSITIVE_INFINITY, 'Infinity'],
    [true, 'a boolean'],
    [12n, 'a bigint'],
    [{}, 'an object'],
    ['a\ud800', 'ill-formed Unicode'],
    ['x'.repeat(65_536), '1024 bytes'],
  ])('%s is refused by name, without being quoted', (id, problem) => {
    const message = refusal(() => parsePattern('user:<id>').format({ id } as ParamValues))
    expect(message).toMatch(/^PARAM_INVALID parameter 'id' of 'user:<id>'/)
    expect(message).toContain(problem)
    expect(message.length).toBeLessThan(200)
  })
})

describe('hashed parameters', () => {
  const pattern = parsePattern('token:<token>:<device>', { hashed: ['token'] })
  const sha256 = (text: string) => createHash('sha256').update(text).digest('base64url')

  test.each(['secret', '', 'a:b*', 'x'.repeat(65_536), 'é', 'e\u0301'])('the key holds the digest only', token => {
    const key = pattern.format({ token, device: 'd' })
    expect(key).toBe(`token:${sha256(token)}:d`)
    expect(pattern.match(key)).toEqual({ token: sha256(token), device: 'd' })
  })

  test('what is no digest is not one of its keys', () => {
    const digest = sha256('x')
    for (const text of [digest.slice(1), `${digest}A`, `${digest.slice(0, -1)}B`, `*${digest.slice(1)}`]) {
      expect(pattern.match(`token:${text}:d`)).toBeUndefined()
    }
  })

  test('ill-formed and enormous values are refused', () => {
    expect(refusal(() => pattern.format({ token: '\udc00', device: 'd' }))).toContain("'token'")
    expect(refusal(() => pattern.format({ token: 'x'.repeat(1_048_577), device: 'd' }))).toContain('longer than')
  })
})

describe('keys of other software', () => {
  const pattern = parsePattern('bull:<queue>:<rest...>', { verbatim: true })

  test('their values are taken as they stand', () => {
    expect(pattern.match('bull:{mail}:repeat:x:0 * * * *')).toEqual({ queue: '{mail}', rest: 'repeat:x:0 * * * *' })
    expect(pattern.format({ queue: '{mail}', rest: 'a:%41' })).toBe('bull:{mail}:a:%41')
    expect(pattern.match('bull::x')).toBeUndefined()
    expect(pattern.match('bull:mail:')).toBeUndefined()
  })

  test('a value ends where its literal begins', () => {
    const tagged = parsePattern('user:{<id>}', { verbatim: true })
    expect(tagged.match('user:{a*b}')).toEqual({ id: 'a*b' })
    expect(tagged.match('user:{a}b}')).toBeUndefined()
    expect(refusal(() => tagged.format({ id: 'a}' }))).toContain("holds '}'")
    expect(refusal(() => pattern.format({ queue: 'a:b', rest: 'x' }))).toContain("holds ':'")
    expect(refusal(() => pattern.format({ queue: '', rest: 'x' }))).toContain('empty')
  })
})

describe('syntax', () => {
  test.each([
    ['', 'is empty'],
    ['user:<>', "parameter '<>'"],
    ['user:<user-id>', "parameter '<user-id>'"],
    ['user:<1>', "parameter '<1>'"],
    ['user:<__proto__>', "parameter '<__proto__>'"],
    ['user:<a', "stray '<'"],
    ['user:a>', "stray '>'"],
    ['user:<a>:<a>', 'names <a> twice'],
    ['user:<a><b>', 'where <a> ends and <b> begins'],
    ['user:<a>-<b>', 'where <a> ends and <b> begins'],
    ['user:<a...>:x', 'only the last part'],
    ['user:{<a...>}', 'only the last part'],
    ['user:{}:<a>', 'empty hash tag'],
    ['user:{<a>', 'stray brace'],
    ['user:<a>}', 'stray brace'],
    ['user:}{<a>', 'stray brace'],
    ['user:{{<a>}}', 'stray brace'],
    ['{a}:{<b>}', 'more than one hash tag'],
    ['user:\n<a>', 'control character'],
    ['user:\ud800<a>', 'ill-formed'],
    ['user:100%:<a>', "holds '%'"],
    ['user:~<a>', "holds ':~'"],
  ])('%j: %s', (source, problem) => {
    const { pattern, problems } = readPattern(source)
    expect(pattern).toBeUndefined()
    expect(problems.join('\n')).toContain(problem)
    expect(refusal(() => parsePattern(source))).toContain('PLAN_INVALID')
  })

  test('a hashed name must be a parameter', () => {
    expect(readPattern('user:<id>', { hashed: ['token'] }).problems).toEqual([
      "declares 'token' hashed, but has no parameter <token>",
    ])
  })

  test('a parameter in braces is probably not meant as a literal hash tag', () => {
    expect(readPattern('locks:{recordId}').warnings.join()).toContain('<recordId>')
    expect(readPattern('cart:{<cart>}').warnings).toEqual([])
  })

  test('it says what it is made of', () => {
    const pattern = parsePattern('context:<user>:<rest...>', { prefix: 'app:', hashed: ['user'] })
    expect(pattern).toMatchObject({
      source: 'app:context:<user>:<rest...>',
      stem: 'app:context:',
      params: ['user', 'rest'],
      tagged: false,
      parts: [
        { literal: 'app:context:' },
        { param: 'user', rest: false, hashed: true },
        { literal: ':' },
        { param: 'rest', rest: true, hashed: false },
      ],
    })
    expect(parsePattern('<a>').stem).toBe('')
    expect(parsePattern('<a>', { prefix: '{app}:' }).tagged).toBe(true)
  })
})
