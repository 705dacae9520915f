import { describe, expect, test } from 'vitest'
import { codecOf, valueProblems } from '../../../src/base/codec/codec-of.ts'
import { json } from '../../../src/base/codec/json.ts'
import type { StandardSchema, Validation } from '../../../src/base/codec/schema.ts'
import { versioned } from '../../../src/base/codec/versioned.ts'
import { refusal } from '../refusal.ts'

function schemaOf<In, Out>(
  validate: (value: unknown) => Validation<Out> | Promise<Validation<Out>>,
): StandardSchema<In, Out> {
  return { '~standard': { version: 1, vendor: 'handmade', validate } }
}

/** Takes an ISO day, gives a Date; fills in a default. */
const booking = schemaOf<{ day: string; seats?: number }, { day: Date; seats: number }>(value => {
  const { day, seats = 1 } = (value ?? {}) as { day?: unknown; seats?: number }
  if (typeof day !== 'string') return { issues: [{ message: `secret ${String(day)}`, path: ['day', { key: 0 }] }] }
  return { value: { day: new Date(day), seats } }
})

describe('a schema as a codec', () => {
  test('a write takes its input and stores that, a read gives its output', () => {
    const codec = codecOf(booking)
    expect(codec.encode({ day: '2026-01-02' })).toBe('{"day":"2026-01-02"}')
    expect(codec.decode('{"day":"2026-01-02"}')).toEqual({ day: new Date('2026-01-02'), seats: 1 })
    expect(codec).toMatchObject({ name: 'handmade', binary: false, format: 'json' })
  })

  test('what does not fit is refused by place, without the value', () => {
    const codec = codecOf(booking)
    const written = refusal(() => codec.encode({ day: 5 as unknown as string }))
    expect(written).toBe('VALUE_INVALID the value does not fit its handmade schema at day.0')
    expect(refusal(() => codec.decode('{"day":5}'))).toContain('DECODE_FAILED the stored value')
    expect(() => codec.decode('{')).toThrow(SyntaxError)
    const whole = codecOf(schemaOf(() => ({ issues: [{ message: 'no' }] })))
    expect(refusal(() => whole.encode(1))).toContain('at the value itself')
  })

  test('an asynchronous validator is refused at first use, and its failure harms nobody', async () => {
    const codec = codecOf(schemaOf<string, string>(() => Promise.reject(new Error('unhandled'))))
    expect(refusal(() => codec.encode('x'))).toContain('asynchronously')
    expect(refusal(() => codec.decode('"x"'))).toContain('asynchronously')
    await new Promise(resolve => setImmediate(resolve))
  })

  test('an input that does not survive JSON is found at the first write', () => {
    const dates = schemaOf<Date, Date>(value =>
      value instanceof Date ? { value } : { issues: [{ message: 'expected a date' }] },
    )
    expect(refusal(() => codecOf(dates).encode(new Date(0)))).toContain('refuses its own value as JSON')
  })

  test('a schema may be a function, and may have encode and decode methods of its own', () => {
    const callable = Object.assign(() => undefined, booking, { encode: () => 'wrong', decode: () => 'wrong' })
    expect(codecOf(callable as unknown as typeof booking).encode({ day: '2026-01-02' })).toBe('{"day":"2026-01-02"}')
  })

  test('an upcast value is validated', () => {
    const codec = versioned(booking, { version: 1, upcast: old => ({ day: (old as { date: string }).date, seats: 3 }) })
    expect(codec.decode('{"date":"2026-01-02"}')).toEqual({ day: new Date('2026-01-02'), seats: 3 })
    expect(refusal(() => codec.decode('{}'))).toContain('VALUE_INVALID')
  })
})

test('what is neither a codec nor a schema is a problem', () => {
  for (const source of [undefined, null, 'json', {}, { encode() {} }, () => 1]) {
    expect(valueProblems(source)).toHaveLength(1)
    expect(refusal(() => codecOf(source as never))).toContain('PLAN_INVALID')
  }
  expect(valueProblems(json())).toEqual([])
  expect(valueProblems(booking)).toEqual([])
})
