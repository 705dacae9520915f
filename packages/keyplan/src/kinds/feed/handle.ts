import { type CallOptions, checkOptions } from '../../base/call.ts'
import { KeyplanError, kindOf, shown } from '../../base/error.ts'
import type { InboxLimits } from '../../base/inbox.ts'
import { groupProblems } from '../../base/option-group.ts'
import { sizeBytes } from '../../base/size.ts'
import type { Guarded } from '../../guard/guarded.ts'
import { beginning, isId, type LogEntry, timeOf } from '../../mechanisms/log/entry.ts'
import type { Log, LogNews } from '../../mechanisms/log/log.ts'
import { createRefusals } from '../../mechanisms/log/refusals.ts'
import type { ParamValues } from '../../plan/pattern/pattern.ts'
import type { Opened, Surroundings } from '../kind.ts'
import type { Feed, FeedEntry, FeedNamespace, FollowOptions, RangeOptions } from './contract.ts'
import { createCounting } from './figures.ts'
import { type Following, openFollowing } from './following.ts'
import type { FeedSettings } from './settings.ts'

type FeedSurroundings = Pick<Surroundings, 'name' | 'pattern' | 'clock' | 'announcing' | 'notify'>

/** Most entries of one read. */
const longestRange = 10_000

export function openFeeds(
  settings: FeedSettings,
  steps: Guarded<Log>,
  news: LogNews,
  { name, pattern, clock, announcing, notify }: FeedSurroundings,
): Opened<FeedNamespace> {
  const { codec, terms, maxBytes } = settings
  const counting = createCounting()
  const followings = new Set<Following>()
  let closed = false
  const unannounced = createRefusals(name, 'entries are appended', notify)

  function decode({ id, value }: LogEntry): FeedEntry | undefined {
    try {
      if (value !== undefined) return { id, at: timeOf(id), value: codec.decode(value) }
    } catch {
      // Counted, as what other software has put there is.
    }
    counting.undecodable++
    return undefined
  }
  const decoded = (entries: readonly LogEntry[]) => entries.flatMap(entry => decode(entry) ?? [])

  async function append(key: string, params: ParamValues, value: unknown, options: CallOptions | undefined) {
    if (options !== undefined) checkOptions(options)
    const stored = codec.encode(value)
    const size = Buffer.byteLength(stored)
    if (size > maxBytes) {
      throw new KeyplanError('VALUE_INVALID', `the entry has ${size} bytes; maxBytes of ${name} is ${maxBytes}`, {
        namespace: name,
        operation: 'append',
        outcome: 'not-executed',
      })
    }
    const appended = await steps.append(options, key, stored, terms, announcing?.(params))
    counting.appended++
    unannounced(appended.unannounced)
    return { id: appended.id }
  }

  function follow(key: string, options: FollowOptions): AsyncIterableIterator<FeedEntry> {
    const limits = checkFollow(options)
    const { after = 'start', signal, gap } = options
    const starts: Readonly<Record<string, () => Promise<string | undefined>>> = {
      start: async () => undefined,
      now: async () => (await steps.range(undefined, key, { count: 1, reverse: true }))[0]?.id ?? beginning,
    }
    let following: Following | undefined
    function open(): Following {
      if (closed) throw new KeyplanError('CLOSED', 'The client is closed', { namespace: name, operation: 'follow' })
      const opened = openFollowing({
        name,
        clock,
        key,
        from: starts[after] ?? (async () => after),
        range: (from, count) => steps.range(undefined, key, { after: from, count }),
        decode,
        news,
        limits,
        signal,
        gap,
        counting,
        ended: () => followings.delete(opened),
      })
      followings.add(opened)
      return opened
    }
    const iterator: AsyncIterableIterator<FeedEntry> = {
      async next() {
        if (signal?.aborted) return { done: true, value: undefined }
        following ??= open()
        return following.entries.next()
      },
      async return() {
        following?.end()
        return { done: true, value: undefined }
      },
      [Symbol.asyncIterator]: () => iterator,
    }
    return iterator
  }

  function open(params: ParamValues): Feed {
    const key = pattern.format(params)
    return {
      append: (value, options) => append(key, params, value, options),
      async range({ after, before, limit = 100, reverse = false, ...options } = {}) {
        checkRange({ after, before, limit, reverse, ...options })
        return decoded(await steps.range(options, key, { after, before, count: limit, reverse }))
      },
      async tail(count = 10, options = {}) {
        checkRange({ ...options, limit: count })
        return decoded(await steps.range(options, key, { count, reverse: true })).reverse()
      },
      follow: (options = {}) => follow(key, options),
      async length(options = {}) {
        checkOptions(options)
        return steps.count(options, key)
      },
      async delete(options = {}) {
        checkOptions(options)
        return steps.remove(options, key)
      },
    }
  }

  return {
    client: open,
    figures: () => ({ ...counting }),
    async close() {
      closed = true
      for (const following of followings) following.end()
    },
  }
}

const refusal = (message: string) => new KeyplanError('PARAM_INVALID', message)

/** @throws KeyplanError PARAM_INVALID */
function checkRange({ after, before, limit, reverse, ...options }: RangeOptions): void {
  checkOptions(options)
  for (const [option, id] of Object.entries({ after, before })) {
    if (id !== undefined && !isId(id)) throw refusal(`${option} is ${kindOf(id)} that is no id; give that of an entry`)
  }
  if (!Number.isSafeInteger(limit) || limit! < 1 || limit! > longestRange) {
    throw refusal(`limit is ${shown(limit)}; give a whole number from 1 to ${longestRange}`)
  }
  if (reverse !== undefined && typeof reverse !== 'boolean')
    throw refusal(`reverse is ${shown(reverse)}; write true or false`)
}

/** @throws KeyplanError PARAM_INVALID */
function checkFollow(options: FollowOptions): InboxLimits {
  const [problem] = groupProblems(options, '', ['signal', 'after', 'gap', 'buffer'])
  if (problem) throw refusal(problem)
  const { signal, after, gap, buffer = {} } = options
  checkOptions({ signal })
  if (gap !== undefined && typeof gap !== 'function') throw refusal(`gap is ${kindOf(gap)}; give a function`)
  if (after !== undefined && after !== 'start' && after !== 'now' && !isId(after)) {
    throw refusal(`after is ${kindOf(after)} that is no id; give that of an entry, 'start' or 'now'`)
  }
  const [unknown] = groupProblems(buffer, 'buffer', ['count', 'bytes'])
  if (unknown) throw refusal(unknown)
  const { count = 100, bytes = '1mb' } = buffer
  if (!Number.isSafeInteger(count) || count < 1)
    throw refusal(`buffer.count is ${shown(count)}; give a whole number from 1`)
  return { count, bytes: sizeBytes(bytes, 'buffer.bytes', shown) }
}
