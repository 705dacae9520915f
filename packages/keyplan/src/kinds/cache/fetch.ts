import type { Clock } from '../../base/clock.ts'
import type { Stored } from '../../base/codec.ts'
import type { Guarded } from '../../guard/guarded.ts'
import type { Server } from '../kind.ts'
import type { Audience } from './audience.ts'
import type { Loader } from './contract.ts'
import type { Counting } from './figures.ts'
import { type Content, type Form, type Opened, standing, versionsFor } from './form.ts'
import type { Freshness } from './freshness.ts'
import { lifetimeOf } from './lifetime.ts'
import { createLoadReport } from './load-context.ts'
import type { CacheNames } from './names.ts'
import type { Found, Question } from './reads.ts'
import type { Refusals } from './refusals.ts'
import type { Rests } from './rests.ts'
import type { CacheSettings } from './settings.ts'
import type { Spare } from './spare.ts'
import type { Basis, CacheStore } from './store.ts'
import { createTurns } from './turns.ts'

/** What was asked for and is to be loaded: because there is nothing, or nothing that stays fresh for long. */
export interface Asked {
  readonly question: Question
  readonly found: Found
  readonly opened: Opened
}

export interface FetchParts {
  /** How errors name the namespace. */
  readonly source: string
  readonly settings: CacheSettings
  readonly names: CacheNames
  readonly lane: Server['lane']
  readonly steps: Guarded<CacheStore>
  /** Keeps what was loaded while Redis could not be asked. */
  readonly spare: (Guarded<CacheStore> & Pick<Spare, 'reliefs'>) | undefined
  readonly form: Form
  readonly freshness: Freshness
  readonly rests: Rests
  readonly refusals: Refusals
  readonly counting: Counting
  /** This process has stored the key itself. */
  readonly stored: (key: string) => void
  /** What the operators should hear of. */
  readonly tell: (what: CacheNotice, error?: unknown) => void
  readonly clock: Clock
}

/**
 * `undecodable`: what stood at a key was no value of this namespace. `oversized`: a value was loaded that is larger than may
 * be stored. `refresh-failed`: a load in the background failed.
 */
export type CacheNotice = 'undecodable' | 'oversized' | 'refresh-failed'

/** Runs a loader and stores its result, unless it is not `wanted` any more. Gives the stored form of the result. */
export type Fetch = (
  asked: Asked,
  basis: Basis | undefined,
  loader: Loader<unknown, unknown>,
  wanted: () => boolean,
  audience: Audience,
  /** What is loaded together with others. */
  party: object | undefined,
  /** Redis went away since it was asked. */
  gone: boolean,
) => Promise<Stored | undefined>

export function createFetch(parts: FetchParts): Fetch {
  const { source, settings, names, steps, spare, form, freshness, rests, refusals, counting, stored, tell, clock } =
    parts
  const { hardMs } = settings.loadTimeout
  const turns = createTurns({ source, atOnce: settings.maxLoadsWhenDown, patience: hardMs, clock })

  async function replacedBy({ opened, found, question }: Asked, basis: Basis | undefined) {
    const replaces = opened.is === 'miss' ? opened.replaces : standing(found.stored!)
    if (replaces !== 'unclear') return replaces
    return basis && (await steps.mark(undefined, question.key).catch(() => undefined))
  }

  /** Calls the loader, which is one of few while Redis does not spare it the most of its calls. */
  async function called(
    run: () => unknown,
    down: boolean,
    audience: Audience,
    party: object | undefined,
  ): Promise<{ result: unknown; loadMs: number }> {
    counting.loads++
    let begun = clock.now()
    const call = async () => {
      begun = clock.now()
      return run()
    }
    try {
      const result = await (down ? turns.take(call, audience, party) : call())
      return { result, loadMs: clock.now() - begun }
    } finally {
      counting.loadMs += clock.now() - begun
    }
  }

  const fetched: Fetch = async (asked, basis, loader, wanted, audience, party, gone) => {
    const { question, found, opened } = asked
    const { key, tags } = question
    const replaces = await replacedBy(asked, basis)
    const previous = opened.is === 'miss' ? undefined : form.copy(found.stored!)
    const report = createLoadReport(asked, previous, settings, refusals)
    const down = gone || found.seen === undefined
    const reliefs = spare?.reliefs(key)
    const { result, loadMs } = await called(() => loader(report.context), down, audience, party)
    const content = report.contentOf(result)
    if (!content) return undefined
    const times = { ttlMs: timeOf(content, report.ttlMs), loadMs }
    const named = report.tags
    const keptMs = content.is === 'none' ? times.ttlMs : freshness.keptFor(times.ttlMs)
    const versions = await versionsOf(named, basis, keptMs)
    const sealed = form.seal(content, [...(basis?.tags ?? noTags), ...(versions ?? noTags)], times, named)
    if (report.skipped || !wanted()) return sealed
    if (form.excess(sealed) > 0) {
      tell('oversized')
      return sealed
    }
    if (down && spare && spare.reliefs(key) === reliefs) {
      const all = [...tags, ...named.map(names.tag)]
      await spare.write(undefined, key, form.seal(content, versionsFor(all), times, named), keptMs, all)
    }
    if (!basis || !replaces || !versions) return sealed
    counting.bytesWritten += sealed.length
    const load = { value: sealed, ttlMs: keptMs, tags, basis, replaces }
    // The value is at hand: that it could not be stored is no reason to withhold it.
    const kept = await steps.keep(undefined, key, load).catch(() => 'refused')
    if (kept !== 'refused') stored(key)
    if (kept === 'displaced') tell('undecodable')
    return sealed
  }

  return async (asked, basis, loader, wanted, audience, ...terms) => {
    const { key } = asked.question
    let failed = false
    const fail = () => {
      if (!failed) counting.loadErrors++
      failed = true
    }
    // Who waits is told TIMEOUT then, whatever still becomes of it.
    const timer = hardMs === Number.POSITIVE_INFINITY ? undefined : clock.after(hardMs, fail)
    try {
      const sealed = await fetched(asked, basis, loader, wanted, audience, ...terms)
      rests.succeeded(key)
      return sealed
    } catch (error) {
      // Also when what the loader gave cannot be stored: it would not do the next time.
      fail()
      // One that was given up never began.
      if (!audience.over) rests.failed(key)
      throw error
    } finally {
      timer?.cancel()
    }
  }

  /** Of tags that the loader named; undefined when the value must not be stored with them. */
  async function versionsOf(named: readonly string[], basis: Basis | undefined, keptMs: number) {
    if (named.length === 0) return noTags
    if (basis?.epoch === undefined) return undefined
    return steps.adopt(undefined, named.map(names.tag), basis.epoch, keptMs).catch(() => undefined)
  }

  function timeOf(content: Content, told: number | undefined): number {
    return told ?? (content.is === 'none' ? settings.negativeTtlMs : lifetimeOf(settings))
  }
}

const noTags: readonly string[] = Object.freeze([])
