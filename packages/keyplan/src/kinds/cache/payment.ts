import type { Call } from '../../base/call.ts'
import type { CacheStore } from './contract.ts'
import type { Invalidations } from './journal.ts'

const batch = 500

/** What a payment left unpaid, and why. */
export interface Remainder {
  readonly unpaid: Partial<Invalidations>
  readonly error: unknown
}

/** Carries out invalidations. What one of them meets does not keep the others from being done. */
export async function payAll(store: CacheStore, due: Invalidations, call: () => Call): Promise<Remainder | undefined> {
  const keys: string[] = []
  const tags: string[] = []
  let all = false
  let failed = false
  let error: unknown
  async function attempt(work: () => Promise<void>, otherwise: () => void): Promise<void> {
    try {
      await work()
    } catch (cause) {
      failed = true
      error = cause
      otherwise()
    }
  }
  for (const some of chunks(due.keys)) {
    await attempt(
      () => store.remove(call(), some),
      () => keys.push(...some),
    )
  }
  for (const some of chunks(due.tags)) {
    await attempt(
      () => store.outdate(call(), some),
      () => tags.push(...some),
    )
  }
  if (due.all) {
    await attempt(
      () => sweepAll(store, call),
      () => {
        all = true
      },
    )
  }
  return failed ? { unpaid: { keys: new Set(keys), tags: new Set(tags), all }, error } : undefined
}

async function sweepAll(store: CacheStore, call: () => Call): Promise<void> {
  await store.forget(call())
  let cursor = '0'
  do cursor = (await store.sweep(call(), cursor)).cursor
  while (cursor !== '0')
}

function* chunks(names: ReadonlySet<string>): Generator<string[]> {
  const list = [...names]
  for (let from = 0; from < list.length; from += batch) yield list.slice(from, from + batch)
}
