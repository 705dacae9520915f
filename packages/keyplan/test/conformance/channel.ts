import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { json } from '../../src/base/codec/json.ts'
import type { ChannelDeclaration, ChannelGap, ChannelNamespace, Delivery } from '../../src/kinds/channel/contract.ts'
import { channel } from '../../src/kinds/channel/contract.ts'
import type { ChannelFigures } from '../../src/kinds/channel/figures.ts'
import type { ChannelOptions } from '../../src/kinds/channel/options.ts'
import type { Opened } from '../../src/kinds/kind.ts'
import { until } from '../live-server.ts'

export interface Event {
  readonly n: number
}

export type Events = ChannelNamespace<'events:<topic>', Event, Event>
export type EventOptions = Omit<ChannelOptions<'events:<topic>', Event, Event>, 'value' | 'hashed'>

export interface EventClient {
  readonly events: Events
  figures(): ChannelFigures
  close(): Promise<void>
}

/** Clients that share nothing but the place where messages meet. */
export interface ChannelHarness {
  open(declaration: ChannelDeclaration, pattern: string): Promise<Opened<ChannelNamespace>>
  close(): Promise<void>
}

export async function openEvents(harness: ChannelHarness, options: EventOptions = {}): Promise<EventClient> {
  const declaration = channel('events:<topic>', { value: json<Event>(), ...options })
  const { client, figures, close } = await harness.open(declaration as unknown as ChannelDeclaration, 'events:<topic>')
  return { events: client as unknown as Events, figures: () => figures!() as ChannelFigures, close }
}

/** Notes what it is given. */
export function recorder() {
  const numbers: number[] = []
  const deliveries: Delivery<'events:<topic>', Event>[] = []
  const gaps: ChannelGap[] = []
  return {
    numbers,
    deliveries,
    gaps,
    handler(delivery: Delivery<'events:<topic>', Event>) {
      deliveries.push(delivery)
      numbers.push(delivery.message.n)
    },
    gap: (gap: ChannelGap) => void gaps.push(gap),
  }
}

const upTo = (count: number, from = 1) => Array.from({ length: count }, (_, index) => index + from)

/** What every channel promises, wherever its messages meet. */
export function channelConformance(name: string, connect: () => Promise<ChannelHarness>): void {
  describe(`channel on ${name}`, () => {
    let harness: ChannelHarness
    beforeEach(async () => {
      harness = await connect()
    })
    afterEach(() => harness.close())

    describe.each([
      ['plain', {}],
      ['sharded', { sharded: true }],
      ['reliable', { reliable: { keep: 1_000 } }],
      ['reliable and sharded', { reliable: { keep: '1h' }, sharded: true }],
    ] as const)('%s', (_form, options: EventOptions) => {
      test('what is published after a subscription was confirmed reaches it, in order, and nothing else does', async () => {
        const [publisher, listener] = [await openEvents(harness, options), await openEvents(harness, options)]
        const heard = recorder()
        await publisher.events({ topic: 'a' }).publish({ n: 0 })
        await listener.events({ topic: 'a' }).subscribe(heard.handler)
        const other = publisher.events({ topic: 'b' })
        const topic = publisher.events({ topic: 'a' })
        await Promise.all(upTo(50).flatMap(n => [topic.publish({ n }), other.publish({ n: -n })]))
        await until(() => heard.numbers.length >= 50)
        expect(heard.numbers).toEqual(upTo(50))
        expect(heard.deliveries[0]!.params).toEqual({ topic: 'a' })
        expect(publisher.figures()).toMatchObject({ published: 101, publishesDropped: 0 })
        expect(listener.figures()).toMatchObject({ received: 50, delivered: 50, dropped: 0, subscriptions: 1, gaps: 0 })
      })

      test('all who listen hear it, and who has left does not', async () => {
        const one = await openEvents(harness, options)
        const two = await openEvents(harness, options)
        const topic = one.events({ topic: 'a' })
        const heard = [recorder(), recorder(), recorder()]
        const left = await topic.subscribe(heard[0]!.handler)
        await topic.subscribe(heard[1]!.handler)
        await two.events({ topic: 'a' }).subscribe(heard[2]!.handler)
        await topic.publish({ n: 1 })
        await until(() => heard.every(({ numbers }) => numbers.length === 1))
        left.close()
        expect(await left.ended).toBeUndefined()
        await topic.publish({ n: 2 })
        await until(() => heard[1]!.numbers.length === 2 && heard[2]!.numbers.length === 2)
        expect(heard[0]!.numbers).toEqual([1])
      })

      test('a loop hears from its first step on, and leaves with its end', async () => {
        const client = await openEvents(harness, options)
        const topic = client.events({ topic: 'a' })
        const seen: number[] = []
        const iterator = topic.messages()
        const first = iterator.next()
        await until(() => client.figures().subscriptions === 1)
        let published = 0
        const publishing = (async () => {
          // The subscription is not confirmed yet, so that the first may go unheard.
          while (seen.length === 0) {
            await topic.publish({ n: ++published })
            await new Promise(resolve => setImmediate(resolve))
          }
        })()
        seen.push((await first).value!.message.n)
        await publishing
        await topic.publish({ n: -1 })
        for await (const { message } of iterator) {
          seen.push(message.n)
          if (message.n === -1) break
        }
        expect(seen).toEqual([...upTo(published - seen[0]! + 1, seen[0]), -1])
        expect(client.figures().subscriptions).toBe(0)
        expect(await iterator.next()).toEqual({ done: true, value: undefined })
      })

      test('a handler that throws, or rejects, keeps nothing from being delivered', async () => {
        const client = await openEvents(harness, options)
        const topic = client.events({ topic: 'a' })
        const heard = recorder()
        await topic.subscribe(delivery => {
          heard.handler(delivery)
          if (delivery.message.n === 1) throw new Error('thrown')
          return delivery.message.n === 2 ? Promise.reject(new Error('rejected')) : undefined
        })
        for (const n of upTo(4)) await topic.publish({ n })
        await until(() => heard.numbers.length === 4)
        expect(heard.numbers).toEqual(upTo(4))
        expect(client.figures().handlerErrors).toBe(2)
      })

      test('a handler is given one message at a time', async () => {
        const client = await openEvents(harness, options)
        const topic = client.events({ topic: 'a' })
        const steps: string[] = []
        await topic.subscribe(async ({ message: { n } }) => {
          steps.push(`${n} begins`)
          await new Promise(resolve => setImmediate(resolve))
          steps.push(`${n} ends`)
        })
        await Promise.all(upTo(5).map(n => topic.publish({ n })))
        await until(() => steps.length === 10)
        expect(steps).toEqual(upTo(5).flatMap(n => [`${n} begins`, `${n} ends`]))
      })

      test('a signal ends a subscription, and one that has fired begins none', async () => {
        const client = await openEvents(harness, options)
        const topic = client.events({ topic: 'a' })
        const controller = new AbortController()
        const subscription = await topic.subscribe(() => {}, { signal: controller.signal })
        controller.abort()
        expect(await subscription.ended).toBeUndefined()
        await expect(topic.subscribe(() => {}, { signal: controller.signal })).rejects.toMatchObject({
          code: 'ABORTED',
        })
        expect(client.figures().subscriptions).toBe(0)
      })

      test('the end of the client ends loops and refuses new ones', async () => {
        const client = await openEvents(harness, options)
        const topic = client.events({ topic: 'a' })
        const iterator = topic.messages()
        const next = iterator.next()
        await until(() => client.figures().subscriptions === 1)
        await client.close()
        expect(await next.catch(error => error)).toSatisfy(
          (result: { code?: string; done?: boolean }) => result.code === 'CLOSED' || result.done === true,
        )
        await expect(topic.subscribe(() => {})).rejects.toMatchObject({ code: 'CLOSED' })
      })
    })

    describe.each([
      ['plain', {}],
      ['reliable', { reliable: { keep: 1_000 } }],
    ] as const)('all channels, %s', (_form, options: EventOptions) => {
      test('are heard with the params of each, also where their values look like patterns', async () => {
        const client = await openEvents(harness, options)
        const heard = recorder()
        await client.events.subscribeAll(heard.handler)
        const topics = ['a', 'b:c', '*', 'd{e}', '']
        for (const [n, topic] of topics.entries()) await client.events({ topic }).publish({ n })
        await until(() => heard.numbers.length === topics.length)
        // Channels of different servers have no order among them.
        const inOrder = [...heard.deliveries].sort((left, right) => left.message.n - right.message.n)
        expect(inOrder.map(({ params }) => params.topic)).toEqual(topics)
      })

      test('are not those that another namespace owns, and one that is also heard alone is heard once by each', async () => {
        const client = await openEvents(harness, options)
        const neighbour = await harness.open(
          channel<string, Event, Event>('events:<topic>:loud', {
            value: json<Event>(),
            ...options,
          }) as ChannelDeclaration,
          'events:<topic>:loud',
        )
        const [all, one] = [recorder(), recorder()]
        await client.events.subscribeAll(all.handler)
        await client.events({ topic: 'a' }).subscribe(one.handler)
        await neighbour.client({ topic: 'a' }).publish({ n: -1 })
        for (const n of upTo(3)) await client.events({ topic: 'a' }).publish({ n })
        await client.events({ topic: 'b' }).publish({ n: 4 })
        await until(() => all.numbers.length === 4 && one.numbers.length === 3)
        expect([all.numbers.filter(n => n !== 4), one.numbers]).toEqual([upTo(3), upTo(3)])
      })
    })

    test('of sharded channels there is no way to hear all', async () => {
      const client = await openEvents(harness, { sharded: true })
      await expect(client.events.subscribeAll(() => {})).rejects.toMatchObject({ code: 'UNSUPPORTED' })
    })

    test('messages that do not decode are counted and skipped', async () => {
      const listener = await openEvents(harness)
      const text = { name: 'text', binary: false, encode: (value: string) => value, decode: String }
      const other = await harness.open(
        channel<string, string, string>('events:<topic>', { value: text }) as unknown as ChannelDeclaration,
        'events:<topic>',
      )
      const heard = recorder()
      await listener.events({ topic: 'a' }).subscribe(heard.handler)
      await other.client({ topic: 'a' }).publish('{ not JSON')
      await listener.events({ topic: 'a' }).publish({ n: 1 })
      // Two nodes of a cluster may bring them in either order.
      await until(() => heard.numbers.length === 1 && listener.figures().received === 2)
      expect(listener.figures()).toMatchObject({ received: 2, delivered: 1, undecodable: 1 })
    })

    describe('a handler that is slower than the messages', () => {
      /** Lets 20 messages come while the first is in hand, and gives what was delivered in the end. */
      async function slow(options: EventOptions) {
        const client = await openEvents(harness, options)
        const topic = client.events({ topic: 'a' })
        const heard = recorder()
        let goOn = () => {}
        const subscription = await topic.subscribe(
          delivery => {
            heard.handler(delivery)
            if (delivery.message.n !== 1) return undefined
            return new Promise<void>(resolve => {
              goOn = resolve
            })
          },
          { gap: heard.gap },
        )
        const probe = recorder()
        await topic.subscribe(probe.handler)
        for (const n of upTo(20)) {
          await topic.publish({ n })
          await until(() => probe.numbers.length === n)
        }
        goOn()
        await until(() => heard.numbers.length > 1 || options.buffer?.drop === 'close')
        return { client, topic, heard, subscription }
      }

      test('loses the oldest', async () => {
        const { client, topic, heard, subscription } = await slow({ buffer: { count: 5 } })
        await topic.publish({ n: 21 })
        await until(() => heard.numbers.includes(21))
        expect(heard.numbers).toEqual([1, 16, 17, 18, 19, 20, 21])
        expect([subscription.dropped, client.figures().dropped]).toEqual([14, 14])
      })

      test('loses the newest', async () => {
        const { heard, subscription } = await slow({ buffer: { count: 5, drop: 'newest' } })
        await until(() => heard.numbers.length === 6)
        expect(heard.numbers).toEqual(upTo(6))
        expect(subscription.dropped).toBe(14)
      })

      test('loses its subscription', async () => {
        const { heard, subscription } = await slow({ buffer: { count: 5, drop: 'close' } })
        expect(await subscription.ended).toMatchObject({ code: 'OVERLOADED' })
        expect(heard.numbers).toEqual([1])
      })

      test('is bounded by bytes as well', async () => {
        const { topic, heard } = await slow({ buffer: { bytes: '24b' } })
        await topic.publish({ n: 21 })
        await until(() => heard.numbers.includes(21))
        // Of 8 characters each three fit.
        expect(heard.numbers).toEqual([1, 18, 19, 20, 21])
      })

      test('loses nothing of a reliable channel', async () => {
        const { client, heard, subscription } = await slow({ buffer: { count: 5 }, reliable: { keep: 100 } })
        await until(() => heard.numbers.length === 20)
        expect(heard.numbers).toEqual(upTo(20))
        expect([subscription.dropped, heard.gaps.length, client.figures().dropped]).toEqual([0, 0, 0])
      })

      test('is told what a reliable channel does not keep any more', async () => {
        const { heard } = await slow({ buffer: { count: 2 }, reliable: { keep: 4 } })
        await until(() => heard.numbers.includes(20))
        expect(heard.numbers).toEqual([1, 2, 3, 17, 18, 19, 20])
        const [gap] = heard.gaps
        expect(heard.gaps.length).toBe(1)
        expect(gap!.missing).toEqual({ after: heard.deliveries[2]!.id, before: heard.deliveries[3]!.id })
      })
    })

    describe('a reliable channel', () => {
      const reliable = { keep: 10 }

      test('gives who comes back what was published meanwhile, in order and once', async () => {
        const client = await openEvents(harness, { reliable })
        const topic = client.events({ topic: 'a' })
        const first = recorder()
        const subscription = await topic.subscribe(first.handler)
        for (const n of upTo(3)) await topic.publish({ n })
        await until(() => first.numbers.length === 3)
        subscription.close()
        for (const n of upTo(3, 4)) await topic.publish({ n })
        const second = recorder()
        await topic.subscribe(second.handler, { after: first.deliveries.at(-1)!.id, gap: second.gap })
        for (const n of upTo(3, 7)) await topic.publish({ n })
        await until(() => second.numbers.length === 6)
        expect([second.numbers, second.gaps]).toEqual([upTo(6, 4), []])
      })

      test('begins at the oldest it keeps, which is no gap, and tells one where an id is too old', async () => {
        const client = await openEvents(harness, { reliable })
        const topic = client.events({ topic: 'a' })
        const { id } = await topic.publish({ n: 1 })
        for (const n of upTo(24, 2)) await topic.publish({ n })
        const [whole, late] = [recorder(), recorder()]
        await topic.subscribe(whole.handler, { after: 'start', gap: whole.gap })
        await topic.subscribe(late.handler, { after: id, gap: late.gap })
        await until(() => whole.numbers.length === 10 && late.numbers.length === 10)
        expect([whole.numbers, whole.gaps]).toEqual([upTo(10, 16), []])
        expect(late.numbers).toEqual(upTo(10, 16))
        expect(late.gaps).toEqual([{ missing: { after: id, before: late.deliveries[0]!.id } }])
      })

      test('numbers what it publishes, and many at once reach all in one order', async () => {
        const clients = [await openEvents(harness, { reliable: { keep: 1_000 } })]
        clients.push(await openEvents(harness, { reliable: { keep: 1_000 } }))
        const heard = [recorder(), recorder()]
        for (const [index, client] of clients.entries()) {
          await client.events({ topic: 'a' }).subscribe(heard[index]!.handler)
        }
        const published = await Promise.all(upTo(100).map(n => clients[n % 2]!.events({ topic: 'a' }).publish({ n })))
        await until(() => heard.every(({ numbers }) => numbers.length === 100))
        expect(heard[0]!.numbers).toEqual(heard[1]!.numbers)
        expect([...heard[0]!.numbers].sort((a, b) => a - b)).toEqual(upTo(100))
        const ids = new Set(heard[0]!.deliveries.map(({ id }) => id))
        expect(ids).toEqual(new Set(published.map(({ id }) => id)))
        expect(clients.map(client => client.figures().gaps)).toEqual([0, 0])
      })

      test('refuses what is no id, and a channel that keeps nothing refuses any', async () => {
        const kept = await openEvents(harness, { reliable })
        const passing = await openEvents(harness)
        const refusal = { code: 'PARAM_INVALID' }
        await expect(kept.events({ topic: 'a' }).subscribe(() => {}, { after: 'yesterday' })).rejects.toMatchObject(
          refusal,
        )
        await expect(passing.events({ topic: 'a' }).subscribe(() => {}, { after: '1-1' })).rejects.toMatchObject(
          refusal,
        )
      })
    })
  })
}
