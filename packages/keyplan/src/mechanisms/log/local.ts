import type { Clock, Timer } from '../../base/clock.ts'
import type { Stored } from '../../base/codec.ts'
import { KeyplanError } from '../../base/error.ts'
import { type Announcement, sealed } from './announcement.ts'
import { beginning, compareIds, timeOf } from './entry.ts'
import type { Appended, Log, LogListener, LogNews } from './log.ts'
import type { LogTerms } from './terms.ts'

/** Channels within this process. */
export interface LocalBus {
  /** Gives the number of those who heard it. */
  publish(channel: string, payload: string): number
  /** Hears what is published on one channel, or on all. */
  subscribe(channel: string | undefined, message: (payload: string, channel: string) => void): { close(): void }
}

/** What stands for a server where there is none: the channels and logs that the namespaces of one client share. */
export interface LocalServer {
  readonly bus: LocalBus
  readonly log: Log
  readonly news: LogNews
  /** Appends to the channel's log, if it has one, and publishes. */
  announce(announcement: Announcement, value: string): Appended
}

interface Kept {
  readonly id: string
  readonly prev: string
  readonly value: Stored
}

interface Stream {
  entries: Kept[]
  bytes: number
  until: number
  timer: Timer | undefined
}

/** When as many logs are kept, no other is begun: to forget one would lose what was promised to be kept. */
const mostLogs = 100_000

export function createLocalServer(clock: Clock, maxLogs = mostLogs): LocalServer {
  const streams = new Map<string, Stream>()
  const listeners = new Map<string, Set<LogListener>>()
  const bus = createLocalBus()
  /** One for all logs: ids of a log that was removed do not come again. */
  let lastMs = 0
  let lastNumber = 0

  function nextId(): string {
    const ms = Math.floor(clock.wall())
    if (ms > lastMs) {
      lastMs = ms
      lastNumber = 0
    } else lastNumber++
    return `${lastMs}-${lastNumber}`
  }

  function find(key: string): Stream | undefined {
    const stream = streams.get(key)
    if (stream && stream.until <= clock.now()) forget(key, stream)
    return streams.get(key)
  }

  function forget(key: string, stream: Stream): void {
    stream.timer?.cancel()
    streams.delete(key)
  }

  function open(key: string): Stream {
    if (streams.size >= maxLogs) {
      throw new KeyplanError('OVERLOADED', `This process already holds ${streams.size} logs in memory`, {
        outcome: 'not-executed',
      })
    }
    const stream: Stream = { entries: [], bytes: 0, until: Number.POSITIVE_INFINITY, timer: undefined }
    streams.set(key, stream)
    return stream
  }

  function trim(stream: Stream, { count, ageMs, bytes }: LogTerms): void {
    const { entries } = stream
    const oldest = clock.wall() - ageMs
    let gone = 0
    while (gone < entries.length - 1) {
      const first = entries[gone]!
      const isTooMany = count > 0 && entries.length - gone > count
      const isTooOld = ageMs > 0 && timeOf(first.id) < oldest
      if (!isTooMany && !isTooOld && !(bytes > 0 && stream.bytes > bytes)) break
      stream.bytes -= first.value.length
      gone++
    }
    if (gone > 0) stream.entries = entries.slice(gone)
  }

  function append(key: string, value: Stored, terms: LogTerms): Kept {
    const stream = find(key) ?? open(key)
    const entry = { id: nextId(), prev: stream.entries.at(-1)?.id ?? beginning, value }
    stream.entries.push(entry)
    stream.bytes += value.length
    trim(stream, terms)
    if (terms.renew || stream.until === Number.POSITIVE_INFINITY) {
      stream.timer?.cancel()
      stream.until = clock.now() + terms.ttlMs
      // Real timers may fire up to a millisecond early, and none can be set for longer than 24 days.
      stream.timer = clock.after(Math.min(terms.ttlMs + 1, 2 ** 31 - 1), () => find(key))
    }
    for (const listener of [...(listeners.get(key) ?? [])]) listener.heard(entry)
    return entry
  }

  function announce({ channel, log }: Announcement, value: string): Appended {
    if (!log) return { id: '', receivers: bus.publish(channel, value), unannounced: undefined }
    const { id, prev } = append(log.key, value, log.terms)
    return { id, receivers: bus.publish(channel, sealed(id, prev, value)), unannounced: undefined }
  }

  return {
    bus,
    announce,
    log: {
      async append(_, key, value, terms, announcement) {
        const { id } = append(key, value, terms)
        const receivers = announcement ? announce(announcement, String(value)).receivers : 0
        return { id, receivers, unannounced: undefined }
      },
      async range(_, key, { after, before, count, reverse }) {
        const entries = find(key)?.entries ?? []
        const from = after === undefined ? 0 : placeOf(entries, id => compareIds(id, after) > 0)
        const to = before === undefined ? entries.length : placeOf(entries, id => compareIds(id, before) >= 0)
        if (!reverse) return entries.slice(from, Math.min(to, from + count))
        return entries.slice(Math.max(from, to - count), to).reverse()
      },
      count: async (_, key) => find(key)?.entries.length ?? 0,
      async remove(_, key) {
        const stream = find(key)
        if (stream) forget(key, stream)
        return stream !== undefined
      },
    },
    news: {
      listen(key, listener) {
        const all = listeners.get(key) ?? new Set()
        listeners.set(key, all.add(listener))
        return {
          caughtUp: () => {},
          close() {
            if (all.delete(listener) && all.size === 0 && listeners.get(key) === all) listeners.delete(key)
          },
        }
      },
    },
  }
}

/** The place of the first entry of which that holds; it holds of all behind it. */
function placeOf(entries: readonly Kept[], holds: (id: string) => boolean): number {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (holds(entries[middle]!.id)) high = middle
    else low = middle + 1
  }
  return low
}

function createLocalBus(): LocalBus {
  type Message = (payload: string, channel: string) => void
  const channels = new Map<string | undefined, Set<Message>>()
  return {
    publish(channel, payload) {
      const heard = [...(channels.get(channel) ?? []), ...(channels.get(undefined) ?? [])]
      for (const message of heard) message(payload, channel)
      return heard.length
    },
    subscribe(channel, message) {
      // Of its own, so that one function may listen twice.
      const own: Message = (payload, at) => message(payload, at)
      const all = channels.get(channel) ?? new Set()
      channels.set(channel, all.add(own))
      return {
        close() {
          if (all.delete(own) && all.size === 0 && channels.get(channel) === all) channels.delete(channel)
        },
      }
    },
  }
}
