import type { Clock } from '../../base/clock.ts'
import type { Encoding, Redis } from '../../redis/redis.ts'
import type { LogNews } from './log.ts'
import { createSlotReader, type SlotReader } from './slot-reader.ts'

type ReaderServer = Pick<Redis, 'block' | 'send' | 'slot' | 'beforeReady'>

/** Each slot of a cluster needs a link to wait on, and others need some too. */
const mostSlots = 3

/**
 * Follows any number of logs over one link: XREAD BLOCK for all of them at once. A log that joins while it waits is read
 * beside it, on a second link, until that wait is over. On a cluster the logs of one slot share a link; where more than
 * three slots are followed they are asked every 100 ms instead.
 */
export function createReader(redis: ReaderServer, clock: Clock, encoding: Encoding): LogNews {
  const slots = new Map<number, SlotReader>()

  const isPolled = () => slots.size > mostSlots

  redis.beforeReady(async (_, outage) => {
    for (const slot of slots.values()) slot.outageEnded(outage)
  })
  return {
    listen(key, listener) {
      const slot = redis.slot(key)
      const open =
        slots.get(slot) ?? createSlotReader({ redis, clock, encoding, isPolled, emptied: () => slots.delete(slot) })
      slots.set(slot, open)
      return open.listen(key, listener)
    },
  }
}

const readers = new WeakMap<object, Map<Encoding, LogNews>>()

/** The one reader of a server in this process. */
export function readerOf(redis: ReaderServer, clock: Clock, encoding: Encoding = 'text'): LogNews {
  const known = readers.get(redis) ?? new Map<Encoding, LogNews>()
  readers.set(redis, known)
  const reader = known.get(encoding) ?? createReader(redis, clock, encoding)
  known.set(encoding, reader)
  return reader
}
