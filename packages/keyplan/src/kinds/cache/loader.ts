import type { CallOptions } from '../../base/call.ts'
import type { Stored } from '../../base/codec.ts'
import { durationMs } from '../../base/duration.ts'
import { isKeyplanError, KeyplanError } from '../../base/error.ts'
import { bounded } from '../../guard/deadline.ts'
import { type Caller, createCaller } from './audience.ts'
import { createBases } from './basis.ts'
import type { Loader } from './contract.ts'
import { type Asked, createFetch, type FetchParts } from './fetch.ts'
import type { Fleet } from './fleet.ts'
import { freezeWhole } from './freeze-whole.ts'
import { type HeldTurn, heldTurn } from './held-turn.ts'
import { createLoads } from './loads.ts'
import type { Basis } from './store.ts'

export interface LoaderParts extends FetchParts {
  /** Undefined where each process loads for itself. */
  readonly fleet: Fleet | undefined
}

type Result = Promise<Stored | undefined>

/** Begins the load or joins it, for one who waits. */
type Start = (caller: Caller) => Result

/** Answers what is to be loaded: loads once for all who wait, and stores what is still wanted. */
export interface CacheLoader {
  /**
   * `begun` is when the caller asked, by the clock: its deadline counts from there. `turn` is what it held then, since this
   * may be called from where the reply to another was read.
   */
  load(
    asked: Asked,
    loader: AnyLoader,
    options: CallOptions | undefined,
    begun: number,
    turn: HeldTurn | undefined,
  ): Promise<unknown>
  /** Answers several. The loaders of those that are not under way are called in the same tick, wherever their keys are. */
  loadTogether(
    asked: readonly Asked[],
    loaderOf: (index: number) => AnyLoader,
    options: CallOptions | undefined,
    begun: number,
  ): Promise<unknown[]>
  /** See `Loads`. */
  drop(key: string): void
  dropTag(tag: string): void
  dropAll(): void
}

type AnyLoader = Loader<unknown, unknown>

export function createLoader(parts: LoaderParts): CacheLoader {
  const { settings, steps, form, freshness, fleet, rests, counting, tell, clock } = parts
  const { softMs, hardMs } = settings.loadTimeout
  const basisOf = createBases(steps, parts.lane, settings.loaderTags)
  const loads = createLoads<Stored | undefined>(
    (key, seen) => steps.untouched(undefined, key, seen).catch(() => false),
    { hardMs, clock },
  )
  const fetch = createFetch(parts)
  /** Keys that are loaded in the background. */
  const refreshing = new Map<string, Result>()

  const baseOf = ({ question, found }: Asked) => basisOf(question, found)

  function share(asked: Asked, basis: Basis | undefined, caller: Caller, loader: AnyLoader, party?: object): Result {
    return loads.share(asked.question, basis, caller, (wanted, audience) => {
      const load = (gone: boolean) => fetch(asked, basis, loader, wanted, audience, party, gone)
      return fleet && basis ? fleet.run(asked, load, party) : load(false)
    })
  }

  function answer(
    { question: { key }, opened }: Asked,
    start: Start,
    options: CallOptions | undefined,
    begun: number,
    turn: HeldTurn | undefined,
  ): Promise<unknown> {
    if (opened.is === 'miss') {
      counting.misses++
      return awaited(start, options, begun, turn)
    }
    if (opened.is === 'due') {
      refresh(key, start)
      counting.hits++
      return Promise.resolve(opened.value)
    }
    if (rests.has(key) || freshness.revalidates(opened.marks)) {
      refresh(key, start)
      counting.stale++
      return Promise.resolve(opened.value)
    }
    return orStale(awaited(start, options, begun, turn), opened.value, begun, options?.signal)
  }

  function refresh(key: string, start: Start): void {
    if (refreshing.has(key) || rests.has(key)) return
    const caller = createCaller(undefined, clock.now() + hardMs)
    const load = start(caller)
    const over = () => {
      timer?.cancel()
      caller.leave()
      if (refreshing.get(key) === load) refreshing.delete(key)
    }
    const timer = hardMs === off ? undefined : clock.after(hardMs, over)
    refreshing.set(key, load)
    load.catch(error => tell('refresh-failed', error)).finally(over)
  }

  /** The result, or the old value when it is late or there is none. */
  function orStale(
    result: Promise<unknown>,
    stale: unknown,
    begun: number,
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      let settled = false
      const settle = (become: () => void) => {
        timer?.cancel()
        if (!settled) become()
        settled = true
      }
      const serveStale = () =>
        settle(() => {
          counting.stale++
          resolve(stale)
        })
      const timer = softMs === off ? undefined : clock.after(begun + softMs - clock.now(), serveStale, true)
      result.then(
        value =>
          settle(() => {
            counting.misses++
            resolve(value)
          }),
        // The loader may have been aborted by a signal of its own.
        error => (signal?.aborted ? settle(() => reject(error)) : serveStale()),
      )
    })
  }

  async function awaited(
    start: Start,
    options: CallOptions | undefined,
    begun: number,
    turn: HeldTurn | undefined,
  ): Promise<unknown> {
    const ms = Math.min(hardMs, options?.deadline === undefined ? off : durationMs(options.deadline, 'deadline'))
    const caller = createCaller(turn, begun + ms)
    const result = start(caller)
    const sealed = await (options || hardMs !== off
      ? patiently(result, begun + ms, options?.signal).finally(caller.leave)
      : result)
    const value = sealed === undefined ? undefined : copied(sealed)
    // Of one key all values are alike, whether they were loaded or read.
    if (settings.near?.frozen) freezeWhole(value)
    return value
  }

  /** A codec that does not read what it wrote is told as such: what it throws would look like the loader's. */
  function copied(sealed: Stored): unknown {
    try {
      return form.copy(sealed)
    } catch (cause) {
      const message = `A value that was loaded for '${parts.source}' cannot be read as it is declared`
      const told = isKeyplanError(cause) ? cause : new KeyplanError('DECODE_FAILED', message, { cause })
      return parts.refusals.named(() => {
        throw told
      })
    }
  }

  /** A caller's own terms bind that caller alone: the load goes on for the others. */
  function patiently(result: Result, until: number, signal: AbortSignal | undefined): Result {
    const waiting = { signal, who: `The loader of '${parts.source}'`, outcome: () => 'not-executed' as const }
    return bounded(result, until - clock.now(), waiting, clock)
  }

  return {
    load(asked, loader, options, begun, turn) {
      const start = (caller: Caller) => {
        const basis = baseOf(asked)
        return basis instanceof Promise
          ? basis.then(known => share(asked, known, caller, loader))
          : share(asked, basis, caller, loader)
      }
      return answer(asked, start, options, begun, turn)
    },
    loadTogether(all, loaderOf, options, begun) {
      const bases = Promise.all(all.map(baseOf))
      const turn = heldTurn()
      const startOf = (asked: Asked, index: number) => (caller: Caller) =>
        bases.then(known => share(asked, known[index], caller, loaderOf(index), bases))
      return Promise.all(all.map((asked, index) => answer(asked, startOf(asked, index), options, begun, turn)))
    },
    drop: loads.drop,
    // Which tags the loaders under way will name is not known yet.
    dropTag: settings.loaderTags ? loads.dropAll : loads.dropTag,
    dropAll: loads.dropAll,
  }
}

const off = Number.POSITIVE_INFINITY
