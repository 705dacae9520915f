import type { Clock } from '../../base/clock.ts'
import { type Counts, noCounts } from './counts.ts'
import type { GroupState } from './store.ts'

/** What the workers of a group in this process have done since the client was opened, and how the group stands. */
export interface GroupFigures extends Readonly<Counts> {
  readonly workers: number
  /** Entries at hand now, and how many of them are being handled. */
  readonly held: number
  readonly active: number
  /** Of its streams together, when the server was last asked, `seenMs` milliseconds ago. */
  readonly pending: number | undefined
  /** Entries it was not given. Undefined while nobody asked, and when the server does not know. */
  readonly lag: number | undefined
  /** Age of the oldest entry that is given out and not finished, in milliseconds. */
  readonly oldestMs: number | undefined
  readonly seenMs: number | undefined
}

/** What happened to the streams of a namespace since the client was opened. */
export interface StreamFigures {
  /** Entries that this process added. */
  readonly appended: number
  /** Appends under a key that was known. */
  readonly duplicates: number
  readonly groups: Readonly<Record<string, GroupFigures>>
}

/** A worker, as the figures see it. */
interface Counted {
  readonly key: string
  readonly counts: Counts
  readonly held: number
  readonly active: number
}

/** Gathers the figures of a namespace from its workers, those that have ended among them. */
export interface StreamCounting {
  appended: number
  duplicates: number
  begin(group: string, worker: Counted): void
  end(group: string, worker: Counted): void
  /** What the server said of a group just now. */
  saw(group: string, key: string, state: GroupState): void
  readonly figures: StreamFigures
}

interface GroupCounting {
  readonly past: Counts
  readonly workers: Set<Counted>
  readonly seen: Map<string, { readonly state: GroupState; readonly at: number }>
}

export function createCounting(names: readonly string[], clock: Clock): StreamCounting {
  const groups = new Map<string, GroupCounting>(
    names.map(name => [name, { past: noCounts(), workers: new Set(), seen: new Map() }]),
  )
  const counting: StreamCounting = {
    appended: 0,
    duplicates: 0,
    begin: (group, worker) => void groups.get(group)?.workers.add(worker),
    end(group, worker) {
      const { past, workers, seen } = groups.get(group)!
      if (!workers.delete(worker)) return
      add(past, worker.counts)
      if (![...workers].some(({ key }) => key === worker.key)) seen.delete(worker.key)
    },
    saw: (group, key, state) => void groups.get(group)?.seen.set(key, { state, at: clock.now() }),
    get figures() {
      const { appended, duplicates } = counting
      return {
        appended,
        duplicates,
        groups: Object.fromEntries([...groups].map(([name, one]) => [name, figuresOf(one)])),
      }
    },
  }

  function figuresOf({ past, workers, seen }: GroupCounting): GroupFigures {
    const total = { ...past, workers: workers.size, held: 0, active: 0 }
    for (const { counts, held, active } of workers) {
      add(total, counts)
      total.held += held
      total.active += active
    }
    const states = [...seen.values()]
    return {
      ...total,
      pending: together(states.map(({ state }) => state.pending)),
      lag: together(states.map(({ state }) => state.lag)),
      oldestMs: most(states.flatMap(({ state: { oldestMs } }) => oldestMs ?? [])),
      seenMs: most(states.map(({ at }) => clock.now() - at)),
    }
  }
  return counting
}

function add(to: Counts, counts: Counts): void {
  for (const name of Object.keys(counts) as (keyof Counts)[]) to[name] += counts[name]
}

/** One that is not known makes the sum unknown. */
function together(figures: readonly (number | undefined)[]): number | undefined {
  if (figures.length === 0) return undefined
  return figures.reduce<number | undefined>(
    (sum, figure) => (sum === undefined || figure === undefined ? undefined : sum + figure),
    0,
  )
}

const most = (figures: readonly number[]) => (figures.length === 0 ? undefined : Math.max(...figures))
