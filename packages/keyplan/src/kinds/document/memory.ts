import type { Clock, Timer } from '../../base/clock.ts'
import { storedText } from '../../base/codec/stored-text.ts'
import type { Stored } from '../../base/codec.ts'
import { KeyplanError } from '../../base/error.ts'
import { createLocalServer, type LocalServer } from '../../mechanisms/log/local.ts'
import type { LocalWake } from '../../mechanisms/wake.ts'
import { type ChangeNews, changeText, type DocumentChange } from './announcing.ts'
import type { DocumentSettings } from './settings.ts'
import type { Changes, DocumentStore, DocumentWrite, StoredDocument, Written } from './store.ts'

type Change = DocumentChange<never>['change']

interface Entry {
  value: Stored
  version: number
  writer: string
  /** Reading of the clock; undefined: it does not end by itself. */
  ends: number | undefined
  past: { readonly value: Stored; readonly version: number }[]
  timer: Timer | undefined
}

const longestTimer = 2 ** 31 - 1

/** The documents of one process. When `maxEntries` are there, no further one is begun. */
export function createMemoryDocumentStore(
  { ttlMs, renew, history }: Pick<DocumentSettings, 'ttlMs' | 'renew' | 'history'>,
  wake: LocalWake,
  clock: Clock,
  { announce }: Pick<LocalServer, 'announce'> = createLocalServer(clock),
  maxEntries = 100_000,
): DocumentStore {
  const entries = new Map<string, Entry>()
  let last = 0

  function find(key: string): Entry | undefined {
    const entry = entries.get(key)
    if (entry?.ends !== undefined && entry.ends <= clock.now()) drop(key, entry)
    return entries.get(key)
  }
  function drop(key: string, entry: Entry): void {
    entry.timer?.cancel()
    entries.delete(key)
    wake.notify(key)
  }
  function watch(key: string, entry: Entry): void {
    entry.timer?.cancel()
    if (entry.ends === undefined) return
    // Real timers may fire up to a millisecond early, and count to less than a month.
    entry.timer = clock.after(Math.min(entry.ends - clock.now() + 1, longestTimer), () => {
      if (find(key) === entry) watch(key, entry)
    })
  }
  function view(key: string): StoredDocument {
    const entry = find(key)
    if (!entry) return { value: undefined, version: 0, remainingMs: undefined }
    const { value, version, ends } = entry
    return { value, version, remainingMs: ends === undefined ? undefined : ends - clock.now() }
  }

  function tell(news: ChangeNews | undefined, change: Change, version: number, value?: Stored): void {
    if (news) announce(news.announcement, changeText(change, news.params, version, value && storedText(value)))
  }

  function write(key: string, { id, value, expected, news }: DocumentWrite): Written {
    const before = find(key)
    if (before && before.writer === id) return { done: true, version: before.version, unannounced: undefined }
    if (expected !== undefined && expected !== (before?.version ?? 0)) return { done: false, ...view(key) }
    if (!before && entries.size >= maxEntries) {
      throw new KeyplanError('OVERLOADED', `This process already keeps ${entries.size} documents in memory`, {
        outcome: 'not-executed',
      })
    }
    last = Math.max(last + 1, Math.floor(clock.wall() * 1_000))
    const past = before ? [{ value: before.value, version: before.version }, ...before.past].slice(0, history) : []
    const fresh = ttlMs === undefined ? undefined : clock.now() + ttlMs
    const ends = before && !renew ? before.ends : fresh
    const entry: Entry = { value, version: last, writer: id, ends, past, timer: before?.timer }
    entries.set(key, entry)
    watch(key, entry)
    wake.notify(key)
    tell(news, before ? 'changed' : 'created', last, value)
    return { done: true, version: last, unannounced: undefined }
  }

  return {
    read: async (_, key) => view(key),
    write: async (_, key, request) => write(key, request),
    async remove(_, key, expected, news) {
      const entry = find(key)
      if (!entry || (expected !== undefined && expected !== entry.version)) {
        return { done: false, unannounced: undefined }
      }
      drop(key, entry)
      tell(news, 'deleted', 0)
      return { done: true, unannounced: undefined }
    },
    history: async (_, key) => find(key)?.past ?? [],
  }
}

/** Nothing can be missed within a process. */
export function localChanges(wake: LocalWake): Changes {
  return { listen: (key, { changed }) => wake.listen(key, changed) }
}
