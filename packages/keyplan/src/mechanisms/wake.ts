import type { Clock } from '../base/clock.ts'
import type { Redis } from '../redis/redis.ts'

/** Where notices are heard. A notice says only that asking again may be worthwhile, so one too many does no harm. */
export interface Wake {
  /**
   * Calls `ring` for each notice on the channel, with what it says; and with nothing when one may have been missed: as soon
   * as listening has truly begun, and after every gap. So a waiter that listens first and then asks again loses no wake-up.
   */
  listen(channel: string, ring: Ring): Listening
}

export type Ring = (message?: string) => void

export interface Listening {
  close(): void
}

interface Channel {
  readonly rings: Set<Ring>
  confirmed: boolean
}

/**
 * Notices through Redis Pub/Sub, one subscription for all who listen to a channel in this process. It ends with the
 * last of them. Where the server cannot be subscribed to, nothing rings and the waiter's own poll has to do.
 */
export function redisWake(redis: Pick<Redis, 'subscribe'>): Wake {
  const channels = new Map<string, Channel & { readonly stop: () => void }>()

  function open(name: string) {
    const channel: Channel = { rings: new Set(), confirmed: false }
    const ringAll = (message?: string) => {
      for (const ring of channel.rings) ring(message)
    }
    const forget = () => {
      if (channels.get(name)?.rings === channel.rings) channels.delete(name)
    }
    const subscription = redis.subscribe(name, { message: text => ringAll(text), gap: () => ringAll() })
    subscription.then(() => {
      opened.confirmed = true
      ringAll()
    }, forget)
    const stop = () => {
      forget()
      subscription.then(
        ({ close }) => close(),
        () => {},
      )
    }
    const opened = Object.assign(channel, { stop })
    channels.set(name, opened)
    return opened
  }

  return {
    listen(name, ring) {
      const channel = channels.get(name) ?? open(name)
      channel.rings.add(ring)
      if (channel.confirmed) ring()
      return {
        close() {
          if (channel.rings.delete(ring) && channel.rings.size === 0) channel.stop()
        },
      }
    },
  }
}

/** Notices within this process. */
export interface LocalWake extends Wake {
  notify(channel: string, message?: string): void
}

export function localWake(): LocalWake {
  const channels = new Map<string, Set<Ring>>()
  return {
    listen(name, ring) {
      const rings = channels.get(name) ?? new Set()
      channels.set(name, rings.add(ring))
      ring()
      return {
        close() {
          if (rings.delete(ring) && rings.size === 0 && channels.get(name) === rings) channels.delete(name)
        },
      }
    },
    notify(name, message) {
      for (const ring of channels.get(name) ?? []) ring(message)
    },
  }
}

/** What one waiter sleeps on. */
export interface Bell {
  /** Ends the present wait or, if nobody waits, the next one at once. */
  ring(): void
  /** Resolves at the first ring or after `ms`. One wait at a time. */
  wait(ms: number): Promise<void>
}

/** A timer can be set for at most this long; whoever waits longer is woken in between and waits again. */
const longestTimer = 2 ** 31 - 1

/** @param keepAlive whether who waits is waited for: only then does a wait keep the process alive. */
export function createBell(clock: Clock, keepAlive: boolean): Bell {
  let rung = false
  let wake: (() => void) | undefined
  return {
    ring() {
      rung = true
      wake?.()
    },
    wait(ms) {
      return new Promise(resolve => {
        const timer = rung ? undefined : clock.after(Math.min(ms, longestTimer), () => wake?.(), keepAlive)
        wake = () => {
          timer?.cancel()
          wake = undefined
          rung = false
          resolve()
        }
        if (rung) wake()
      })
    },
  }
}
