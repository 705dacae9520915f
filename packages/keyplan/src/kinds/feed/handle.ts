import { type CallOptions, checkOptions } from '../../base/call.ts'
import { KeyplanError, kindOf, shown } from '../../base/error.ts'
import type { Guarded } from '../../guard/guarded.ts'
import { decoding } from '../../mechanisms/log/decoding.ts'
import { isId, type LogEntry, timeOf } from '../../mechanisms/log/entry.ts'
import { createFollowings } from '../../mechanisms/log/followings.ts'
import type { Log, LogNews } from '../../mechanisms/log/log.ts'
import { createRefusals } from '../../mechanisms/log/refusals.ts'
import type { ParamValues } from '../../plan/pattern/pattern.ts'
import type { Opened, Surroundings } from '../kind.ts'
import type { Feed, FeedEntry, FeedNamespace, RangeOptions } from './contract.ts'
import { createCounting } from './figures.ts'
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
  const unannounced = createRefusals(name, 'entries are appended', notify)

  const decode = decoding(
    ({ id, value }: LogEntry): FeedEntry | undefined =>
      value === undefined ? undefined : { id, at: timeOf(id), value: codec.decode(value) },
    counting,
  )
  const followings = createFollowings({ namespace: name, clock, steps, news, decode, counting })
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
      follow: (options = {}) => followings.follow(key, options),
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
      followings.close()
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
