import type { Bell, Listening } from '../wake.ts'

/**
 * How those of one process who wait for the same come to it. `one`: one at a time has it, so the first of them asks, and the
 * next when it is told. `some`: several may have it, so the next asks as soon as the first has got it. `all`: all of them ask.
 */
export type Access = 'one' | 'some' | 'all'

/** Those in this process who wait for something, by key, in the order they came. */
export interface Line {
  join(key: string, bell: Bell): Place
  /** What lies at the key may be had, or, without a key, anything may. False when nobody waits for it here. */
  ring(key: string | undefined): boolean
  /** How many wait here. */
  length(key: string): number
}

/** One waiter's place. A waiter's bell rings when it becomes first, and for notices while it is. */
export interface Place {
  /** Whether it is this waiter's turn to ask. False as well just after another of this process got it. */
  mayAsk(): boolean
  readonly first: boolean
  /** Others wait behind the first one. */
  readonly followed: boolean
  /** Hears notices of release from now on. */
  listen(): void
  /**
   * True when it was the last one here.
   *
   * @param taken it was granted, and the next one need not ask before there is a notice
   */
  leave(taken: boolean): boolean
}

interface Queue {
  readonly bells: Set<Bell>
  listening: readonly Listening[]
  /** The one before got it: asking is pointless until there is a notice or the poll is due. */
  taken: boolean
}

/** @param begin hears notices of a key that are not told by `ring` */
export function createLine(
  begin: (key: string, notice: () => void) => readonly Listening[],
  access: Access = 'one',
): Line {
  const queues = new Map<string, Queue>()
  const head = ({ bells }: Queue): Bell | undefined => bells.values().next().value

  function listen(key: string, queue: Queue): void {
    if (queue.listening.length > 0) return
    queue.listening = begin(key, () => wake(queue))
  }

  function wake(queue: Queue): void {
    queue.taken = false
    if (access === 'all') for (const bell of queue.bells) bell.ring()
    else head(queue)?.ring()
  }

  return {
    ring(key) {
      if (key === undefined) for (const queue of queues.values()) wake(queue)
      const queue = key === undefined ? undefined : queues.get(key)
      if (queue) wake(queue)
      return queue !== undefined
    },
    length: key => queues.get(key)?.bells.size ?? 0,
    join(key, bell) {
      const queue = queues.get(key) ?? { bells: new Set(), listening: [], taken: false }
      if (queue.bells.size === 0) queues.set(key, queue)
      queue.bells.add(bell)
      // Whoever is before this one may get it and let go of it at any moment.
      if (queue.bells.size > 1) listen(key, queue)
      return {
        get first() {
          return access === 'all' || head(queue) === bell
        },
        get followed() {
          return access !== 'all' && queue.bells.size > 1
        },
        mayAsk() {
          if (access === 'all') return true
          if (head(queue) !== bell) return false
          const ask = !queue.taken
          queue.taken = false
          return ask
        },
        listen: () => listen(key, queue),
        leave(taken) {
          const wasFirst = head(queue) === bell
          queue.bells.delete(bell)
          if (queue.bells.size === 0) {
            queues.delete(key)
            for (const { close } of queue.listening) close()
          } else if (wasFirst && access !== 'all') {
            queue.taken = taken
            head(queue)?.ring()
          }
          return queue.bells.size === 0
        },
      }
    },
  }
}
