import type { Call } from '../../base/call.ts'
import type { Server } from '../kind.ts'
import type { Invalidations } from './journal.ts'
import { portionsOf } from './portions.ts'
import type { CacheStore, Cursor } from './store.ts'

const batch = 500

/** What a payment left unpaid, and why. */
export interface Remainder {
  readonly unpaid: Partial<Invalidations>
  readonly error: unknown
}

interface Payment {
  readonly store: CacheStore
  readonly due: Invalidations
  call(): Call
  readonly lane: Server['lane']
  /** Whether the store reaches all keys of the namespace; otherwise none of it is paid for the whole of it. */
  readonly whole: boolean
}

/** Carries out invalidations. What one of them meets does not keep the others from being done. */
export async function payAll({ store, due, call, lane, whole }: Payment): Promise<Remainder | undefined> {
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
  for (const some of portionsOf(due.keys, lane, batch)) {
    await attempt(
      () => store.remove(call(), some),
      () => keys.push(...some),
    )
  }
  for (const some of portionsOf(due.tags, lane, batch)) {
    await attempt(
      () => store.outdate(call(), some),
      () => tags.push(...some),
    )
  }
  if (due.all && !whole) {
    failed = true
    all = true
  } else if (due.all) {
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
  let at: Cursor = { cursor: '0' }
  do at = await store.sweep(call(), at)
  while (at.cursor !== '0')
}
