import { expect, test } from 'vitest'
import type { Declaration } from '../../src/plan/declaration.ts'
import { definePlan } from '../../src/plan/define.ts'
import { describe } from '../../src/plan/describe.ts'
import { foreign } from '../../src/plan/foreign.ts'

const session: Declaration<'session'> = {
  kind: 'session',
  pattern: 'session:<token>:<device>',
  space: 'key',
  durability: 'durable',
  whenDown: 'fail',
  common: {
    hashed: ['token'],
    owner: 'identity',
    doc: 'Who is signed in.',
    maxPending: 0,
    budget: { keys: 1_000, bytes: '2mb' },
  },
  options: { secret: () => 'not shown' },
  facts: { ttlMs: 60_000, fields: ['a', 'b'] },
  problems: [],
}

const plan = definePlan(
  'app',
  { session, jobs: foreign('bull:<queue>:<rest...>', { kind: 'bullmq' }) },
  { prefix: 'app:' },
)

test('a plan describes itself as plain JSON', () => {
  expect(describe(plan)).toEqual({
    name: 'app',
    prefix: 'app:',
    namespaces: [
      {
        name: 'session',
        kind: 'session',
        pattern: 'app:session:<token>:<device>',
        space: 'key',
        params: ['token', 'device'],
        hashed: ['token'],
        tagged: false,
        glob: 'app:session:*:*',
        durability: 'durable',
        whenDown: 'fail',
        doc: 'Who is signed in.',
        owner: 'identity',
        budget: { keys: 1_000, bytes: '2mb' },
        figures: { maxPending: 0 },
        facts: { ttlMs: 60_000, fields: ['a', 'b'] },
      },
      {
        name: 'jobs',
        kind: 'foreign',
        pattern: 'app:bull:<queue>:<rest...>',
        space: 'key',
        params: ['queue', 'rest'],
        hashed: [],
        tagged: false,
        glob: 'app:bull:*:*',
        durability: 'durable',
        whenDown: 'none',
        doc: null,
        owner: null,
        budget: { keys: null, bytes: null },
        figures: {},
        facts: { of: 'bullmq' },
      },
    ],
    warnings: [],
  })
})

test('the description survives JSON, always reads the same, and is a copy', () => {
  const description = describe(plan)
  expect(JSON.parse(JSON.stringify(description))).toEqual(description)
  expect(JSON.stringify(describe(plan))).toBe(JSON.stringify(description))
  ;(description.namespaces[0]!.facts.fields as string[]).push('c')
  expect(describe(plan).namespaces[0]!.facts.fields).toEqual(['a', 'b'])
})
