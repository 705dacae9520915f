import { describe, expect, test } from 'vitest'
import { connect } from '../../src/client/index.ts'
import { definePlan, json, type OnceOptions, once, text } from '../../src/index.ts'
import { fingerprintOf } from '../../src/kinds/once/fingerprint.ts'
import { tokenOf } from '../../src/kinds/once/token.ts'

type Options = OnceOptions & { value?: never }

const rerun = { ttl: '24h', onCrash: 'rerun' } as const

describe('a declaration', () => {
  test('has defaults', () => {
    const { durability, whenDown, facts, problems } = once('idem:<key>', { ...rerun, value: json() })
    expect({ durability, whenDown, facts, problems }).toEqual({
      durability: 'durable',
      whenDown: 'fail',
      facts: { ttl: '1d', lease: '30s', onCrash: 'rerun', failures: 'forget', value: 'json' },
      problems: [],
    })
    expect(once('idem:<key>', { ttl: '1h', onCrash: 'refuse' }).facts).toMatchObject({
      failures: 'keep',
      value: 'nothing',
    })
  })

  test.each<[options: unknown, problem: string]>([
    [undefined, 'the options are undefined'],
    [{ onCrash: 'rerun' }, 'ttl is undefined; write a length of time'],
    [{ ttl: '1d' }, "onCrash is undefined; use 'rerun' (at least once) or 'refuse' (at most once)"],
    [{ ...rerun, lease: '10ms' }, 'lease is 10ms; a process may be silent for 100ms to 1h'],
    [{ ...rerun, lease: 30 }, 'lease is 30; write a length of time'],
    [{ ...rerun, ttl: '10s' }, 'ttl is 10s, which is less than the lease of 30s'],
    [{ ...rerun, failures: 'retry' }, "failures is 'retry'; use 'forget' or 'keep'"],
    [{ ...rerun, onCrash: 'refuse', failures: 'forget' }, "failures is 'forget', which runs again"],
    [{ ...rerun, whenDown: 'memory' }, "whenDown is 'memory'; use 'fail'"],
    [{ ...rerun, value: 5 }, 'the value is a number; give a codec'],
    [{ ...rerun, onCarsh: 'rerun' }, 'onCarsh is not an option; did you mean onCrash?'],
  ])('of %o is refused', (options, problem) => {
    const { problems } = once('idem:<key>', options as Options)
    expect(problems).toEqual(expect.arrayContaining([expect.stringContaining(problem)]))
  })
})

test('without a server it keeps its promises in the process, and without a value it remembers the end alone', async () => {
  const plan = definePlan('test', {
    paid: once('paid:<id>', { ...rerun, value: text() }),
    mailed: once('mailed:<id>', { ...rerun }),
  })
  const redis = await connect(plan, { memory: true, log: () => {} })
  expect(await redis.paid({ id: 1 }).run(() => 'first')).toBe('first')
  expect(await redis.paid({ id: 1 }).run(() => 'second')).toBe('first')
  let mails = 0
  const mail = () => {
    mails++
  }
  expect(await redis.mailed({ id: 1 }).run(mail)).toBeUndefined()
  expect(await redis.mailed({ id: 1 }).tryRun(mail)).toEqual({ state: 'done', result: undefined, replayed: true })
  expect(mails).toBe(1)
  await redis.$close()
})

test('a token is a UUID that belongs to its key', () => {
  expect(tokenOf('idem:a')).toBe(tokenOf('idem:a'))
  expect(new Set(Array.from({ length: 1_000 }, (_, index) => tokenOf(`idem:${index}`))).size).toBe(1_000)
})

describe('a fingerprint', () => {
  test.each([
    [
      { a: 1, b: { c: 2, d: [1, 2] } },
      { b: { d: [1, 2], c: 2 }, a: 1 },
    ],
    ['text', Buffer.from('text')],
    [JSON.parse('{"__proto__": {"a": 1}, "b": 2}'), JSON.parse('{"b": 2, "__proto__": {"a": 1}}')],
    [{ at: new Date(0) }, { at: '1970-01-01T00:00:00.000Z' }],
  ])('of %o is that of %o', (one, other) => {
    expect(fingerprintOf(one)).toBe(fingerprintOf(other))
  })

  test.each([
    [{ a: [1, 2] }, { a: [2, 1] }],
    [{ a: 1 }, { a: '1' }],
    [JSON.parse('{"__proto__": {"a": 1}}'), {}],
    ['', 'x'],
    [null, {}],
  ])('of %o is not that of %o', (one, other) => {
    expect(fingerprintOf(one)).not.toBe(fingerprintOf(other))
  })

  test.each([[10n], [() => {}], [Symbol('s')]])('of %s there is none', payload => {
    expect(() => fingerprintOf(payload)).toThrow(/that JSON cannot hold/)
  })

  // JSON would write each of these as null or as an empty object, as which another payload may come.
  test.each<[unknown, string]>([
    [{ amount: Number.NaN }, 'holds NaN'],
    [[1, Number.POSITIVE_INFINITY], 'holds Infinity'],
    [Number.NEGATIVE_INFINITY, 'holds -Infinity'],
    [{ items: [undefined] }, 'holds undefined'],
    [[() => 1], 'holds a function'],
    [{ items: new Map([['a', 1]]) }, 'holds an instance of Map'],
    [new Set([1]), 'holds an instance of Set'],
    [{ bytes: new ArrayBuffer(2) }, 'holds an instance of ArrayBuffer'],
    [{ reason: Object.assign(new Error('x'), { code: 1 }) }, 'holds an instance of Error'],
    [new FormData(), 'holds an instance of FormData'],
    [{ photo: new File(['x'], 'x.png') }, 'holds an instance of File'],
    [new URLSearchParams('a=1'), 'holds an instance of URLSearchParams'],
    [{ at: new Date('none') }, 'holds an object'],
  ])('of %o there is none', (payload, message) => {
    expect(() => fingerprintOf(payload)).toThrow(expect.objectContaining({ code: 'PARAM_INVALID' }))
    expect(() => fingerprintOf(payload)).toThrow(message)
  })

  test('fields that are undefined are not there', () => {
    expect(fingerprintOf({ a: 1, b: undefined })).toBe(fingerprintOf({ a: 1 }))
  })

  test('objects of any class count by their fields', () => {
    class Order {}
    const values = [new Order(), Object.create(null), {}].map(order =>
      fingerprintOf({ order, bytes: new Uint8Array() }),
    )
    expect(new Set(values).size).toBe(1)
    expect(fingerprintOf([new Number(1), new String('a')])).toBe(fingerprintOf([1, 'a']))
  })
})
