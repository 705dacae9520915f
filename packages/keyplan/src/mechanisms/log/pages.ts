import type { LogEntry } from './entry.ts'

/** Reads a page of a log: what comes behind an id. */
export type ReadPage = (key: string, after: string, count: number) => Promise<readonly LogEntry[]>

/**
 * Followers that ask for the same page in one turn of the event loop share it: many that could not keep up with a burst stand at
 * the same place. It is read behind all of them, so whatever one of them had heard of when it asked lies in it, or is gone.
 */
export function sharedPages(read: ReadPage): ReadPage {
  const asked = new Map<string, ReturnType<ReadPage>>()
  return (key, after, count) => {
    const name = `${count} ${after} ${key}`
    const known = asked.get(name)
    if (known) return known
    const page = new Promise<void>(resolve => setImmediate(resolve)).then(() => {
      asked.delete(name)
      return read(key, after, count)
    })
    asked.set(name, page)
    return page
  }
}
