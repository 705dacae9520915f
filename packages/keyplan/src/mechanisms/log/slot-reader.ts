import type { Clock } from '../../base/clock.ts'
import { errorTable, isKeyplanError } from '../../base/error.ts'
import type { Argument, Encoding, Outage, Redis, Reply } from '../../redis/redis.ts'
import { createSource, type Source } from '../source.ts'
import { compareIds, readEntries } from './entry.ts'
import type { LogListener, LogNews } from './log.ts'

/** A log that is read on from `at`, once somebody has caught up with it. */
interface Followed {
  readonly key: string
  readonly listeners: Set<LogListener>
  at: string | undefined
}

interface SlotParts {
  readonly redis: Pick<Redis, 'block' | 'send'>
  readonly clock: Clock
  readonly encoding: Encoding
  /** Whether its logs are asked for from time to time, instead of waiting on a link. */
  isPolled(): boolean
  /** Nobody follows any of its logs any more. */
  emptied(): void
}

/** Reads the logs of one slot. */
export interface SlotReader extends LogNews {
  /** There was an outage, which reads need not have met: those that wait for a link are held until it is back. */
  outageEnded(outage: Pick<Outage, 'concerns'>): void
}

/** Most entries of one log in one answer. */
const page = 200

/** How long one read waits at the server, in milliseconds: a slice of the wire. */
const waits = 2_000

/** How long a read for newcomers waits: for so long the next newcomer may have to wait for its first entry. */
const briefly = 100

/** How often they are asked for instead of being waited for, in milliseconds. */
const pollEvery = 100

export function createSlotReader({ redis, clock, encoding, isPolled, emptied }: SlotParts): SlotReader {
  const logs = new Map<string, Followed>()
  /** The server could not be asked: when it can be again, it may be another one, which has less. */
  let wasLost = false
  /** What the long wait is for. */
  let waitedFor: ReadonlySet<string> = new Set()

  const ready = () => [...logs.values()].filter(({ at }) => at !== undefined)

  async function read(keys: readonly Followed[], waitMs: number, signal: AbortSignal): Promise<boolean> {
    const streams: Argument[] = ['STREAMS', ...keys.map(({ key }) => key), ...keys.map(({ at }) => at!)]
    try {
      const reply =
        waitMs > 0
          ? await redis.block('xread', slice => ['COUNT', page, 'BLOCK', Math.min(slice, waitMs), ...streams], {
              wait: waitMs,
              signal,
              encoding,
            })
          : await redis.send('xread', ['COUNT', page, ...streams], termsOf(signal), encoding)
      tell(reply)
      return reply !== null
    } catch (error) {
      if (isRefusal(error)) {
        if (keys.length === 1) setAside(keys[0]!)
        else for (const key of keys) await read([key], 0, signal)
        return true
      }
      throw error
    }
  }

  /** All that is read is compared with what is there. */
  async function compare(keys: readonly Followed[], signal: AbortSignal): Promise<void> {
    wasLost = false
    try {
      await read(keys, 0, signal)
    } catch (error) {
      wasLost = true
      throw error
    }
    for (const log of ready()) setAside(log)
  }

  /** One key that the server refuses to read would keep all others from being read. */
  function setAside(log: Followed): void {
    log.at = undefined
    for (const listener of [...log.listeners]) listener.missed()
  }

  function tell(reply: Reply): void {
    for (const [key, raw] of (reply ?? []) as [Reply, Reply][]) {
      const log = logs.get(String(key))
      if (log?.at === undefined) continue
      for (const entry of readEntries(raw)) {
        if (compareIds(entry.id, log.at) > 0) log.at = entry.id
        for (const listener of [...log.listeners]) listener.heard(entry)
      }
    }
  }

  const termsOf = (signal: AbortSignal) => ({ expires: clock.now() + waits, hold: true, written: 0, signal })

  // Each is opened when there is something to read, so that it is there before its first turn wants to rest.
  let main: Source | undefined
  let newcomers: Source | undefined
  const common = { namespace: '$logs', clock, notify: () => {} }

  const openMain = () =>
    createSource({
      ...common,
      name: 'reader',
      async turn({ signal }) {
        const keys = ready()
        if (keys.length === 0) return rest(main)
        if (wasLost) return void (await compare(keys, signal))
        const polls = isPolled()
        waitedFor = new Set(keys.map(({ key }) => key))
        try {
          const found = await read(keys, polls ? 0 : waits, signal)
          return polls && !found ? pollEvery : undefined
        } catch (error) {
          wasLost ||= !signal.aborted
          throw error
        } finally {
          waitedFor = new Set()
        }
      },
    })
  const openNewcomers = () =>
    createSource({
      ...common,
      name: 'reader of newcomers',
      async turn({ signal }) {
        const keys = ready().filter(({ key }) => !waitedFor.has(key))
        if (keys.length === 0 || waitedFor.size === 0 || isPolled()) return rest(newcomers)
        await read(keys, briefly, signal)
        return undefined
      },
    })

  function begin(): void {
    if (waitedFor.size === 0) {
      main ??= openMain()
      main.resume()
    } else {
      newcomers ??= openNewcomers()
      newcomers.resume()
    }
  }

  return {
    outageEnded({ concerns }) {
      if (![...logs.keys()].some(concerns)) return
      wasLost = true
      for (const log of logs.values()) if (log.at === undefined) setAside(log)
    },
    listen(key, listener) {
      const log = logs.get(key) ?? { key, listeners: new Set(), at: undefined }
      logs.set(key, log)
      log.listeners.add(listener)
      return {
        caughtUp(id) {
          if (logs.get(key) !== log || log.at !== undefined) return
          log.at = id
          begin()
        },
        close() {
          if (!log.listeners.delete(listener) || log.listeners.size > 0) return
          logs.delete(key)
          if (logs.size > 0) return
          emptied()
          void main?.close(0)
          void newcomers?.close(0)
        },
      }
    },
  }
}

function rest(source: Source | undefined): undefined {
  source?.pause()
  return undefined
}

/** The server was asked and refuses: of one key of many, most likely. */
const isRefusal = (error: unknown) => isKeyplanError(error) && errorTable[error.code].class === 'server'
