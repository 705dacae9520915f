import { expect, test } from 'vitest'
import { bytes, definePlan, describe as describePlan, json, session, text } from '../../src/index.ts'

const value = json<{ userId?: string }>()

test('a session is described with its defaults', () => {
  const { namespaces, warnings } = describePlan(
    definePlan('shop', { session: session('session:<sessionId>', { ttl: '24h', value, doc: 'Logins.' }) }),
  )
  expect(warnings).toEqual([])
  expect(namespaces).toMatchObject([
    {
      kind: 'session',
      params: ['sessionId'],
      hashed: ['sessionId'],
      durability: 'durable',
      whenDown: 'fail',
      doc: 'Logins.',
      facts: {
        ttl: '1d',
        absolute: null,
        touchEvery: '5m',
        rotateGrace: null,
        value: 'json',
        idInKey: 'hash',
        perUser: null,
      },
    },
  ])
})

test.each([
  ['session:<id>', {}, /ttl is undefined/],
  ['session:<id>', { ttl: '1h' }, /the value is undefined/],
  ['session:<id>', { ttl: '1h', value: text() }, /stored as plain JSON/],
  ['session:<id>', { ttl: '1h', value: bytes() }, /stored as plain JSON/],
  ['session:<id>', { ttl: '1h', value, absolute: '30m' }, /absolute is the longer one/],
  ['session:<id>', { ttl: '1h', value, touchEvery: '31m' }, /at most half of ttl/],
  ['session:<id>', { ttl: '1h', value, rotateGrace: '6m' }, /at most 5m/],
  ['session:<id>', { ttl: '1h', value, idInKey: 'sha1' }, /use 'hash' or 'plain'/],
  ['session:<id>', { ttl: '1h', value, whenDown: 'load' }, /use 'fail' or 'memory'/],
  ['session:<id>', { ttl: '1h', value, hashed: ['id'] }, /hashed is not/],
  ['session:<id>', { ttl: '1h', value, perUser: 'userId' }, /perUser is a string/],
  ['session:<id>', { ttl: '1h', value, perUser: {} }, /perUser.by is undefined/],
  ['session:<id>', { ttl: '1h', value, perUser: { by: () => '', max: 0 } }, /perUser.max is 0/],
  ['session:<id>', { ttl: '1h', value, perUsers: {} }, /did you mean perUser/],
  ['session', { ttl: '1h', value }, /has 0 parameters/],
  ['session:<tenant>:<id>', { ttl: '1h', value }, /has 2 parameters/],
  ['session:<id...>', { ttl: '1h', value }, /leave the dots out/],
  [5, { ttl: '1h', value }, /the pattern '5' is a number/],
  ['session:<id>', undefined, /the options are undefined/],
])('%s with %o is refused', (pattern, options, message) => {
  expect(() => definePlan('shop', { session: session(pattern as string, options as never) })).toThrow(message)
})
