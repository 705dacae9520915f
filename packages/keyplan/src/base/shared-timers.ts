import type { Clock, Timer } from './clock.ts'

/** One of a queue; all of a queue are equally long, so they fall due in the order in which they were set. */
class Entry implements Timer {
  readonly at: number
  readonly fire: () => void
  previous: Entry | undefined
  next: Entry | undefined
  queue: Queue | undefined

  constructor(at: number, fire: () => void, queue: Queue) {
    this.at = at
    this.fire = fire
    this.queue = queue
  }

  cancel(): void {
    const { queue, previous, next } = this
    if (!queue) return
    this.queue = undefined
    if (previous) previous.next = next
    else queue.first = next
    if (next) next.previous = previous
    else queue.last = previous
    // One that has grown old would keep all that were set after it from being collected with the young.
    this.previous = undefined
    this.next = undefined
  }
}

interface Queue {
  first: Entry | undefined
  last: Entry | undefined
}

/**
 * A clock for timers that are set for every call, nearly all of the same length, and nearly never fire: those of one length
 * share a timer of the system, since to set and cancel one costs as much as half the rest of a call. They do not keep the
 * process alive, whatever is asked for.
 */
export function sharingTimers(clock: Clock): Clock {
  const queues = new Map<number, Queue>()

  function arm(queue: Queue, ms: number, wait: number): void {
    clock.after(wait, () => {
      const now = clock.now()
      for (let { first } = queue; first && first.at <= now; first = queue.first) {
        first.cancel()
        first.fire()
      }
      if (queue.first) arm(queue, ms, queue.first.at - now)
      else queues.delete(ms)
    })
  }

  return {
    ...clock,
    after(ms, fire) {
      let queue = queues.get(ms)
      if (!queue) {
        queue = { first: undefined, last: undefined }
        queues.set(ms, queue)
        arm(queue, ms, ms)
      }
      const entry = new Entry(clock.now() + ms, fire, queue)
      entry.previous = queue.last
      if (queue.last) queue.last.next = entry
      else queue.first = entry
      queue.last = entry
      return entry
    },
  }
}
