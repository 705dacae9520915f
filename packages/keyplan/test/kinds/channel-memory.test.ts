import { expect, test } from 'vitest'
import { realClock } from '../../src/base/clock.ts'
import { text } from '../../src/base/codec/text.ts'
import { createBareGuard } from '../../src/guard/guard.ts'
import { createCounting } from '../../src/kinds/channel/figures.ts'
import { channelKind } from '../../src/kinds/channel/kind.ts'
import { createSubscriber } from '../../src/kinds/channel/subscription.ts'
import { createLocalServer } from '../../src/mechanisms/log/local.ts'
import { parsePattern } from '../../src/plan/pattern/parse.ts'
import { channelConformance } from '../conformance/channel.ts'

channelConformance('memory', async () => {
  const local = createLocalServer(realClock)
  return {
    open: async (declaration, pattern) =>
      channelKind.open(declaration, {
        name: 'events',
        pattern: parsePattern(pattern),
        clock: realClock,
        instance: 'one',
        server: undefined,
        bare: createBareGuard(),
        local,
        notify: () => {},
      }),
    close: async () => {},
  }
})

test('a large message takes the place of however many small ones', () => {
  const buffer = { count: 100_000, bytes: 100_000, drop: 'oldest' } as const
  const consumer = { deliver: () => new Promise<void>(() => {}), gap: () => {}, ended: () => {} }
  const parts = { name: 'events', settings: { codec: text(), buffer }, counting: createCounting(), tell: () => {} }
  const { take, subscription } = createSubscriber(parts, consumer, undefined, () => {})
  const arrival = (payload: string) => ({ payload, params: {}, id: undefined, gap: undefined })
  for (let sent = 0; sent < 100_001; sent++) take(arrival('x'))
  take(arrival('y'.repeat(99_999)))
  expect([subscription.waiting, subscription.dropped]).toEqual([2, 99_999])
})
