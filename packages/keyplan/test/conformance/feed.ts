import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { json } from '../../src/base/codec/json.ts'
import { text } from '../../src/base/codec/text.ts'
import { type ChannelDeclaration, type ChannelNamespace, channel } from '../../src/kinds/channel/contract.ts'
import {
  type FeedDeclaration,
  type FeedEntry,
  type FeedNamespace,
  type FollowOptions,
  feed,
  type LogGap,
} from '../../src/kinds/feed/contract.ts'
import type { FeedFigures } from '../../src/kinds/feed/figures.ts'
import type { FeedOptions } from '../../src/kinds/feed/options.ts'
import type { Opened } from '../../src/kinds/kind.ts'
import { until } from '../live-server.ts'

export interface Thought {
  readonly n: number
}
export type Thoughts = FeedNamespace<'thoughts:<id>', Thought, Thought>
export type ThoughtOptions = Partial<Omit<FeedOptions<'thoughts:<id>', Thought, Thought>, 'value' | 'hashed'>>

export interface ThoughtClient {
  readonly thoughts: Thoughts
  figures(): FeedFigures
  close(): Promise<void>
}

/** Clients that share nothing but the place where the feeds are. */
export interface FeedHarness {
  /** `announced` is the channel that the declaration names, of the pattern that follows it. */
  open(declaration: FeedDeclaration, announced?: ChannelDeclaration): Promise<Opened<FeedNamespace>>
  openChannel(declaration: ChannelDeclaration): Promise<Opened<ChannelNamespace>>
  close(): Promise<void>
}

export async function openThoughts(harness: FeedHarness, options: ThoughtOptions = {}, announced?: ChannelDeclaration) {
  const declaration = feed('thoughts:<id>', { value: json<Thought>(), ttl: '1h', ...options })
  const opened = await harness.open(declaration as unknown as FeedDeclaration, announced)
  const client: ThoughtClient = {
    thoughts: opened.client as unknown as Thoughts,
    figures: () => opened.figures!() as FeedFigures,
    close: opened.close,
  }
  return client
}

export const upTo = (count: number, from = 1) => Array.from({ length: count }, (_, index) => index + from)
export const numbersOf = (entries: readonly FeedEntry<Thought>[]) => entries.map(({ value }) => value.n)

/** Follows in the background and notes what comes. */
export function followed(one: ReturnType<Thoughts>, options: FollowOptions = {}) {
  const entries: FeedEntry<Thought>[] = []
  const gaps: LogGap[] = []
  const controller = new AbortController()
  const done = (async () => {
    const following = one.follow({ signal: controller.signal, gap: gap => gaps.push(gap), ...options })
    for await (const entry of following) entries.push(entry)
  })()
  return {
    entries,
    gaps,
    get numbers() {
      return numbersOf(entries)
    },
    async stop() {
      controller.abort()
      await done
    },
    done,
  }
}

/** What every feed promises, wherever it lies. */
export function feedConformance(name: string, connect: () => Promise<FeedHarness>): void {
  describe(`feed on ${name}`, () => {
    let harness: FeedHarness
    beforeEach(async () => {
      harness = await connect()
    })
    afterEach(() => harness.close())

    test('what is appended is read back in its order, by any process, from either end and in pages', async () => {
      const [writer, reader] = [await openThoughts(harness), await openThoughts(harness)]
      const one = writer.thoughts({ id: 'a' })
      const ids: string[] = []
      for (const n of upTo(10)) ids.push((await one.append({ n })).id)
      await writer.thoughts({ id: 'b' }).append({ n: -1 })
      const same = reader.thoughts({ id: 'a' })
      const all = await same.range()
      expect(numbersOf(all)).toEqual(upTo(10))
      expect(all.map(({ id }) => id)).toEqual(ids)
      expect(all.every(({ at }, index) => at >= (all[index - 1]?.at ?? 0))).toBe(true)
      expect(numbersOf(await same.range({ after: ids[2], before: ids[6] }))).toEqual([4, 5, 6])
      expect(numbersOf(await same.range({ after: ids[2], limit: 2 }))).toEqual([4, 5])
      expect(numbersOf(await same.range({ reverse: true, limit: 3 }))).toEqual([10, 9, 8])
      expect(numbersOf(await same.tail(4))).toEqual([7, 8, 9, 10])
      expect(await same.length()).toBe(10)
      expect([await same.delete(), await same.delete(), await same.length()]).toEqual([true, false, 0])
      expect([await same.range(), await same.tail()]).toEqual([[], []])
      expect(writer.figures().appended).toBe(11)
    })

    test('a number of entries is kept', async () => {
      const { thoughts } = await openThoughts(harness, { keep: 3 })
      for (const n of upTo(8)) await thoughts({ id: 'a' }).append({ n })
      expect(numbersOf(await thoughts({ id: 'a' }).range())).toEqual([6, 7, 8])
    })

    test('bytes are kept, and the newest entry in any case', async () => {
      const declaration = feed('thoughts:<id>', { value: text(), ttl: '1h', keep: { bytes: '100b' } })
      const { client } = await harness.open(declaration as unknown as FeedDeclaration)
      const one = (client as unknown as FeedNamespace<'thoughts:<id>', string, string>)({ id: 'a' })
      for (const letter of 'abcdefgh') await one.append(letter.repeat(30))
      expect((await one.range()).map(({ value }) => value[0])).toEqual(['f', 'g', 'h'])
      await one.append('i'.repeat(500))
      expect((await one.range()).map(({ value }) => value[0])).toEqual(['i'])
      for (const letter of 'jk') await one.append(letter.repeat(30))
      expect((await one.range()).map(({ value }) => value[0])).toEqual(['j', 'k'])
    })

    test('entries are kept for a time', async () => {
      const { thoughts } = await openThoughts(harness, { keep: '60ms' })
      const one = thoughts({ id: 'a' })
      await one.append({ n: 1 })
      const begun = Date.now()
      await until(() => Date.now() - begun > 150)
      await one.append({ n: 2 })
      expect(numbersOf(await one.range())).toEqual([2])
    })

    test('it is gone when its time is over, which each entry renews', async () => {
      const renewed = (await openThoughts(harness, { ttl: '400ms' })).thoughts({ id: 'renewed' })
      const fixed = (await openThoughts(harness, { ttl: '400ms', renew: false })).thoughts({ id: 'fixed' })
      await fixed.append({ n: 1 })
      await renewed.append({ n: 1 })
      await until(async () => {
        await renewed.append({ n: 2 })
        if ((await fixed.length()) === 0) return true
        await fixed.append({ n: 2 })
        return false
      })
      expect(await renewed.length()).toBeGreaterThan(1)
      await until(async () => (await renewed.length()) === 0)
    })

    test('what is larger than it may be is refused', async () => {
      const { thoughts } = await openThoughts(harness, { maxBytes: '10b' })
      await thoughts({ id: 'a' }).append({ n: 1 })
      await expect(thoughts({ id: 'a' }).append({ n: 1e20 })).rejects.toMatchObject({ code: 'VALUE_INVALID' })
    })

    test('options that make no sense are refused', async () => {
      const one = (await openThoughts(harness)).thoughts({ id: 'a' })
      const refusal = { code: 'PARAM_INVALID' }
      await expect(one.range({ after: 'x' })).rejects.toMatchObject(refusal)
      await expect(one.range({ limit: 0 })).rejects.toMatchObject(refusal)
      await expect(one.tail(1.5)).rejects.toMatchObject(refusal)
      expect(() => one.follow({ after: 'x' })).toThrow(expect.objectContaining(refusal))
      expect(() => one.follow({ buffer: { count: 0 } })).toThrow(expect.objectContaining(refusal))
    })

    describe('following', () => {
      test('gives what lies there and then what comes, each entry once and in order, to all who follow', async () => {
        const [writer, reader] = [await openThoughts(harness), await openThoughts(harness)]
        const one = writer.thoughts({ id: 'a' })
        for (const n of upTo(300)) await one.append({ n })
        const all = upTo(20).map(() => followed(reader.thoughts({ id: 'a' })))
        for (const n of upTo(200, 301)) await one.append({ n })
        const late = followed(reader.thoughts({ id: 'a' }), { after: 'now' })
        await until(() => all.every(({ entries }) => entries.length === 500))
        const from = late.entries.length
        for (const n of upTo(5, 501)) await one.append({ n })
        await until(() => all.every(({ entries }) => entries.length === 505))
        await until(() => late.numbers.includes(505))
        for (const { numbers, gaps } of all) expect([numbers, gaps]).toEqual([upTo(505), []])
        expect([from, late.numbers]).toEqual([0, upTo(late.entries.length, 506 - late.entries.length)])
        expect(reader.figures()).toMatchObject({ followers: 21, gaps: 0, undecodable: 0 })
        for (const { stop } of [...all, late]) await stop()
        expect(reader.figures().followers).toBe(0)
      })

      test('goes on behind an id', async () => {
        const one = (await openThoughts(harness)).thoughts({ id: 'a' })
        const first = followed(one)
        for (const n of upTo(5)) await one.append({ n })
        await until(() => first.entries.length === 5)
        await first.stop()
        for (const n of upTo(5, 6)) await one.append({ n })
        const second = followed(one, { after: first.entries.at(-1)!.id })
        await until(() => second.entries.length === 5)
        expect([second.numbers, second.gaps]).toEqual([upTo(5, 6), []])
        await second.stop()
      })

      test('waits for a feed that is not there yet, and tells one that was removed as a gap', async () => {
        const one = (await openThoughts(harness)).thoughts({ id: 'a' })
        const follower = followed(one)
        for (const n of upTo(3)) await one.append({ n })
        await until(() => follower.entries.length === 3)
        await one.delete()
        for (const n of upTo(2, 4)) await one.append({ n })
        await until(() => follower.entries.length === 5)
        const [, , third, fourth] = follower.entries
        expect(follower.gaps).toEqual([{ after: third!.id, before: fourth!.id }])
        await follower.stop()
      })

      test('a consumer that is slow reads later, and is told of what was trimmed meanwhile', async () => {
        const { thoughts, figures } = await openThoughts(harness, { keep: 50 })
        const one = thoughts({ id: 'a' })
        const gaps: LogGap[] = []
        const seen: FeedEntry<Thought>[] = []
        const slow = one.follow({ buffer: { count: 5 }, gap: gap => gaps.push(gap) })
        const quick = followed(one)
        await one.append({ n: 1 })
        seen.push((await slow.next()).value!)
        for (const n of upTo(200, 2)) {
          await one.append({ n })
          await until(() => quick.entries.length === n)
        }
        while (seen.at(-1)!.value.n < 201) seen.push((await slow.next()).value!)
        await slow.return!()
        const numbers = numbersOf(seen)
        const jump = numbers.findIndex((n, index) => index > 0 && n !== numbers[index - 1]! + 1)
        expect(numbers.slice(jump)).toEqual(upTo(50, 152))
        expect(gaps).toEqual([{ after: seen[jump - 1]!.id, before: seen[jump]!.id }])
        await quick.stop()
        expect([quick.numbers, quick.gaps, figures().gaps]).toEqual([upTo(201), [], 1])
      })

      test('ends with its signal, its loop and its client', async () => {
        const client = await openThoughts(harness)
        const one = client.thoughts({ id: 'a' })
        const stopped = followed(one)
        await one.append({ n: 1 })
        await until(() => stopped.entries.length === 1)
        await stopped.stop()
        for await (const { value } of one.follow()) {
          expect(value.n).toBe(1)
          break
        }
        const open = followed(one)
        await until(() => open.entries.length === 1)
        await client.close()
        await open.done
        await expect(one.follow().next()).rejects.toMatchObject({ code: 'CLOSED' })
        expect(client.figures().followers).toBe(0)
      })
    })

    describe.each([
      ['passing', {}],
      ['reliable', { reliable: { keep: 100 } }],
      ['sharded', { sharded: true }],
    ] as const)('announcing on a channel that is %s', (_form, options) => {
      test('publishes each entry in the step that appends it', async () => {
        const announced = channel('thoughts:<id>', {
          value: json<Thought>(),
          ...options,
        }) as unknown as ChannelDeclaration
        const { thoughts } = await openThoughts(harness, { announce: 'live' }, announced)
        const live = (await harness.openChannel(announced)).client as unknown as ChannelNamespace<
          'thoughts:<id>',
          Thought,
          Thought
        >
        const heard: number[] = []
        await live({ id: 'a' }).subscribe(({ message }) => {
          heard.push(message.n)
        })
        for (const n of upTo(10)) await thoughts({ id: 'a' }).append({ n })
        await thoughts({ id: 'b' }).append({ n: -1 })
        await until(() => heard.length >= 10)
        expect(heard).toEqual(upTo(10))
        expect(numbersOf(await thoughts({ id: 'a' }).range())).toEqual(upTo(10))
      })
    })
  })
}
