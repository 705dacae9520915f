import type { Bell, Listening, Wake } from '../wake.ts'

/** Those in this process who wait for something, by key, in the order they came. Only the first of them asks the store. */
export interface Line {
  join(key: string, bell: Bell): Place
}

/** One waiter's place. A waiter's bell rings when it becomes first, and for notices while it is. */
export interface Place {
  /** Whether it is this waiter's turn to ask. False as well just after another of this process got it. */
  mayAsk(): boolean
  readonly first: boolean
  /** Hears notices of release from now on. */
  listen(): void
  leave(granted: boolean): void
}

interface Queue {
  readonly bells: Set<Bell>
  listening: readonly Listening[]
  /** The one before got it: asking is pointless until there is a notice or the poll is due. */
  taken: boolean
}

export function createLine(wakes: readonly Wake[], channel: (key: string) => string): Line {
  const queues = new Map<string, Queue>()
  const head = ({ bells }: Queue): Bell | undefined => bells.values().next().value

  function listen(key: string, queue: Queue): void {
    if (queue.listening.length > 0) return
    const notice = () => {
      queue.taken = false
      head(queue)?.ring()
    }
    queue.listening = wakes.map(wake => wake.listen(channel(key), notice))
  }

  return {
    join(key, bell) {
      const queue = queues.get(key) ?? { bells: new Set(), listening: [], taken: false }
      if (queue.bells.size === 0) queues.set(key, queue)
      queue.bells.add(bell)
      // Whoever is before this one may get it and let go of it at any moment.
      if (queue.bells.size > 1) listen(key, queue)
      return {
        get first() {
          return head(queue) === bell
        },
        mayAsk() {
          if (head(queue) !== bell) return false
          const ask = !queue.taken
          queue.taken = false
          return ask
        },
        listen: () => listen(key, queue),
        leave(granted) {
          const wasFirst = head(queue) === bell
          queue.bells.delete(bell)
          if (queue.bells.size === 0) {
            queues.delete(key)
            for (const { close } of queue.listening) close()
          } else if (wasFirst) {
            queue.taken = granted
            head(queue)?.ring()
          }
        },
      }
    },
  }
}
