import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { connect } from '../../src/client/index.ts'
import { definePlan, rateLimit } from '../../src/index.ts'
import { createHeavyHitters } from '../../src/kinds/rate-limit/heavy-hitters.ts'

describe('heavy hitters', () => {
  test('whoever is more than one in so many is kept, and the true count lies within the error', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(30), { maxLength: 400 }), fc.integer({ min: 1, max: 12 }), (names, size) => {
        const hitters = createHeavyHitters(size)
        const counts = new Map<string, number>()
        for (const number of names) {
          const name = String(number)
          hitters.add(name)
          counts.set(name, (counts.get(name) ?? 0) + 1)
        }
        const top = hitters.top()
        expect(top.length).toBeLessThanOrEqual(size)
        for (const { name, count, error } of top) {
          expect(count).toBeGreaterThanOrEqual(counts.get(name)!)
          expect(count - error).toBeLessThanOrEqual(counts.get(name)!)
        }
        const kept = top.map(({ name }) => name)
        for (const [name, count] of counts) if (count > names.length / size) expect(kept).toContain(name)
      }),
    )
  })
})

describe('what $stats() tells of a limit', () => {
  const plan = definePlan('p', {
    open: rateLimit('open:<ip>:<path>', {
      limit: 2,
      window: '1h',
      near: '1h',
      report: ['path'],
      deny: { ip: ['bad'] },
    }),
    many: rateLimit('many:<ip>', {
      limits: [
        { limit: 2, window: '1h' },
        { limit: 5, window: '1d' },
      ],
      near: '1h',
    }),
    secret: rateLimit('secret:<token>', { limit: 1, window: '1h', hashed: ['token'], report: ['token'] }),
  })

  test('counts, and the keys that were limited most, with the values that may be shown', async () => {
    await using redis = await connect(plan, { memory: true, log: false })
    for (let count = 0; count < 9; count++) await redis.open({ ip: '192.0.2.1', path: '/login' }).consume()
    for (let count = 0; count < 4; count++) await redis.open({ ip: '192.0.2.2', path: '/login' }).consume()
    await redis.open({ ip: 'bad', path: '/' }).consume()
    await redis.open({ ip: '192.0.2.1', path: '/login' }).peek()
    const figures = redis.$stats().namespaces.open!.rateLimit!
    expect(figures).toMatchObject({ allowed: 4, denied: 10, deniedNear: 8, degraded: 0 })
    const mark = expect.stringMatching(/^#[0-9a-f]{8}$/)
    expect(figures.topLimited).toEqual([
      { params: { ip: mark, path: '/login' }, denied: 7, error: 0 },
      { params: { ip: mark, path: '/login' }, denied: 2, error: 0 },
      { params: { ip: mark, path: '/' }, denied: 1, error: 0 },
    ])
    const [first, second] = figures.topLimited
    expect(first!.params.ip).not.toBe(second!.params.ip)
    expect(redis.$stats().namespaces.open!.rateLimit!.topLimited[0]!.params.ip).toBe(first!.params.ip)
    expect(JSON.stringify(redis.$stats())).not.toContain('192.0.2')
  })

  test('counts what was denied near of several limits, and not what is joined', async () => {
    await using redis = await connect(plan, { memory: true, log: false })
    const many = redis.many({ ip: '192.0.2.1' })
    for (let count = 0; count < 9; count++) await many.consume()
    for (let count = 0; count < 5; count++) await many.with(redis.many({ ip: '192.0.2.2' })).consume()
    expect(redis.$stats().namespaces.many!.rateLimit).toMatchObject({ allowed: 2, denied: 12, deniedNear: 6 })
  })

  test('never of a parameter that is hashed, though it is named', async () => {
    await using redis = await connect(plan, { memory: true, log: false })
    for (let count = 0; count < 3; count++) await redis.secret({ token: 's3cret' }).consume()
    const [limited] = redis.$stats().namespaces.secret!.rateLimit!.topLimited
    expect(limited).toEqual({ params: { token: expect.stringMatching(/^#[0-9a-f]{8}$/) }, denied: 2, error: 0 })
  })
})
