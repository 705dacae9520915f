import { cache, definePlan, json, type Message, stream, text } from 'keyplan'
import type { Client } from 'keyplan/client'
import { expect, test } from 'vitest'
import { defineWorker, isWorkerDefinition } from '../../src/index.ts'

interface Mail {
  to: string
}
const groups = { workers: { start: '$' }, auditors: { start: '0' } } as const
const plan = definePlan('shop', {
  mails: stream('mails', { value: json<Mail>(), groups }),
  events: stream('events:<tenant>', { value: json<Mail>(), groups }),
  page: cache('page:<id>', { ttl: '1m', value: text() }),
})

const to = ({ value }: Message<Mail>): string => value.to

test('handlers are typed by the plan, and nothing is opened', () => {
  const definition = defineWorker(plan, {
    work: {
      mails: {
        workers: async (message, redis: Client<typeof plan.namespaces>) =>
          redis.page({ id: to(message) }).set(message.value.to),
        auditors: { batch: 10, handleBatch: messages => messages.map(to) },
      },
      events: {
        workers: { params: [{ tenant: 'a' }, { tenant: 'b' }], concurrency: 2, handle: message => to(message) },
      },
    },
  })
  expect(isWorkerDefinition(definition)).toBe(true)
  expect(definition.jobs.map(({ namespace, group }) => `${namespace}.${group}`)).toEqual([
    'mails.workers',
    'mails.auditors',
    'events.workers',
  ])

  const handle = () => {}
  // @ts-expect-error a cache is not worked for
  expect(() => defineWorker(plan, { work: { page: { workers: handle } } })).toThrow('page is a cache')
  // @ts-expect-error it has parameters
  expect(() => defineWorker(plan, { work: { events: { workers: { handle } } } })).toThrow('workers needs params')
  // @ts-expect-error no such group
  expect(() => defineWorker(plan, { work: { mails: { worker: handle } } })).toThrow('did you mean workers?')
})

test.each([
  [{ work: { mail: {} } }, 'mail is no stream; did you mean mails?'],
  [{ work: { other: {} } }, 'other is no stream; there is mails, events'],
  [{ work: { mails: 5 } }, 'mails is given no handlers by group'],
  [{ work: { mails: { workers: 5 } } }, 'mails.workers is no handler'],
  [{ work: { mails: { workers: { handle() {}, batch: 5 } } } }, 'mails.workers is no handler'],
  [{ work: { mails: { other() {} } } }, 'other is no group of mails; there is workers, auditors'],
  [{ work: {} }, 'nothing is worked for'],
  [{ works: {} }, 'works is no option; did you mean work?'],
  [undefined, 'it was given no options'],
])('what is wrong with %j is told', (options, said) => {
  expect(() => defineWorker(plan, options as never)).toThrow(said)
})

test('every problem is told at once', () => {
  expect.assertions(1)
  try {
    defineWorker(plan, { work: { mail: {}, mails: { workers: 5 } }, close: 5 } as never)
  } catch (error) {
    expect(error).toMatchObject({ code: 'PLAN_INVALID', problems: [{}, {}, {}].map(() => expect.any(String)) })
  }
})
