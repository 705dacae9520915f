/** Most that waits for one consumer. */
export interface InboxLimits {
  readonly count: number
  /** Of what waits, as its senders weigh it. One item alone may weigh more. */
  readonly bytes: number
}

/** What one consumer has yet to take, in order: it gets the next item when it is done with the one before. */
export interface Inbox<T> {
  /** Says whether there was room. */
  put(item: T, bytes: number): boolean
  /** Removes the oldest item that waits. */
  dropOldest(): void
  readonly waiting: number
  /** Gives nothing more, and forgets what waits. */
  close(): void
}

/**
 * @param deliver is called for one item after the other: while the promise that it gave is open, the next wait. It
 * neither throws nor rejects.
 * @param room is told when something has left and at least half of the room is free: who waits for it brings more than one
 */
export function createInbox<T>(
  limits: InboxLimits,
  deliver: (item: T) => Promise<void> | undefined,
  room: () => void = () => {},
): Inbox<T> {
  /** Items that were taken stay in front of `head` until they are as many as those that wait. */
  let items: { readonly item: T; readonly bytes: number }[] = []
  let head = 0
  let kept = 0
  let busy = false
  let closed = false
  const waiting = () => items.length - head

  function shift(): T | undefined {
    const first = items[head]
    if (!first) return undefined
    head++
    kept -= first.bytes
    if (head > 32 && head > items.length / 2) {
      items = items.slice(head)
      head = 0
    }
    return first.item
  }

  function work(item: T): void {
    busy = true
    let several = false
    for (let next: T | undefined = item; ; next = shift() as T, several = true) {
      const done = deliver(next)
      if (done) {
        void done.then(goOn)
        return
      }
      if (closed || waiting() === 0) break
    }
    busy = false
    // What comes from within a handler waits for that to end.
    if (several && !closed) room()
  }

  function goOn(): void {
    busy = false
    if (closed) return
    if (waiting() > 0) work(shift() as T)
    if (waiting() <= limits.count / 2 && kept <= limits.bytes / 2) room()
  }

  return {
    put(item, bytes) {
      if (closed) return true
      if (!busy) {
        work(item)
        return true
      }
      if (waiting() > 0 && (waiting() >= limits.count || kept + bytes > limits.bytes)) return false
      items.push({ item, bytes })
      kept += bytes
      return true
    },
    dropOldest() {
      shift()
    },
    get waiting() {
      return waiting()
    },
    close() {
      closed = true
      items = []
      head = 0
      kept = 0
    },
  }
}
