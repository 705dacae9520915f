import { type ChannelListener, subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel'
import { inspect } from 'node:util'
import { afterEach, expect, test } from 'vitest'
import { KeyplanError } from '../../src/base/error.ts'
import { createBareGuard } from '../../src/guard/guard.ts'
import { guarded } from '../../src/guard/guarded.ts'
import { createGather } from '../../src/mechanisms/gather.ts'

const stages = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const
const seen: { stage: string; context: unknown }[] = []
const listeners: [string, ChannelListener][] = []

function listen(...to: readonly string[]): void {
  for (const stage of to) {
    const channel = `tracing:keyplan:operation:${stage}`
    const listener: ChannelListener = context => void seen.push({ stage, context: inspect(context, { depth: 10 }) })
    subscribe(channel, listener)
    listeners.push([channel, listener])
  }
}
afterEach(() => {
  for (const [channel, listener] of listeners.splice(0)) unsubscribe(channel, listener)
  seen.length = 0
})

const store = {
  read: async (_: unknown, keys: readonly string[]) => keys.map(() => 'the secret value'),
  write: async (_: unknown, key: string) => {
    throw new KeyplanError('WRONG_TYPE', 'the key holds another data type', { operation: key ? 'write' : undefined })
  },
}
const operations = { read: { idempotent: true, write: false }, write: { idempotent: true, write: true } }
const steps = guarded('profile', store, operations, createBareGuard())

test('a gathered batch is one trace, which tells of no key and no value', async () => {
  listen(...stages)
  const gather = createGather<string, string>({ max: 32, run: keys => steps.read(undefined, keys) })
  const values = await Promise.all(Array.from({ length: 20 }, (_, index) => gather.add(`user:${index}`)))
  expect(values).toEqual(Array(20).fill('the secret value'))
  expect(seen.map(({ stage }) => stage)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd'])
  for (const { context } of seen) {
    expect(context).toMatch(/namespace: 'profile'/)
    expect(context).not.toMatch(/user:|secret/)
  }
})

test('an error is traced with its code, for who listens to errors alone', async () => {
  listen('error')
  await expect(steps.write(undefined, 'user:1')).rejects.toMatchObject({ code: 'WRONG_TYPE', namespace: 'profile' })
  expect(seen.length).toBe(1)
  expect(seen[0]?.context).toMatch(/WRONG_TYPE/)
  expect(seen[0]?.context).not.toMatch(/user:1/)
})

test('the channel is the one tracing tools subscribe to', async () => {
  const names: string[] = []
  const channel = tracingChannel('keyplan:operation')
  const handlers = {
    start: (context: unknown) => names.push((context as { name: string }).name),
    end: () => {},
    asyncStart: () => {},
    asyncEnd: () => {},
    error: () => {},
  }
  channel.subscribe(handlers)
  await steps.read(undefined, ['user:1'])
  channel.unsubscribe(handlers)
  await steps.read(undefined, ['user:1'])
  expect(names).toEqual(['read'])
})
