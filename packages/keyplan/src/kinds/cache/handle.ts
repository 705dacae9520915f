import type { CallOptions } from '../../base/call.ts'
import { durationMs } from '../../base/duration.ts'
import { shown } from '../../base/error.ts'
import { surfacing } from '../../base/surfacing.ts'
import type { Guarded } from '../../guard/guarded.ts'
import { fenceText } from '../../mechanisms/fencing.ts'
import type { ParamValues, Pattern } from '../../plan/pattern/pattern.ts'
import { createBatches } from './batches.ts'
import type { CacheEntry, CacheNamespace, Certainty, ClearOptions, Loader, SetOptions } from './contract.ts'
import type { FetchParts } from './fetch.ts'
import { type Opened, versionsFor } from './form.ts'
import { lifetimeOf } from './lifetime.ts'
import { createListing } from './listing.ts'
import type { CacheLoader } from './loader.ts'
import type { Lookup } from './lookup.ts'
import type { Near } from './near.ts'
import type { Copy } from './near-copy.ts'
import type { Question } from './reads.ts'
import type { CacheStore, Cursor } from './store.ts'
import type { NamedTags } from './tag-versions.ts'
import { tagsOf } from './tags.ts'

export interface CacheParts
  extends Pick<
    FetchParts,
    'settings' | 'names' | 'lane' | 'steps' | 'form' | 'freshness' | 'refusals' | 'counting' | 'stored' | 'clock'
  > {
  readonly pattern: Pattern
  readonly loader: CacheLoader
  readonly lookup: Lookup
  /** Copies in this process. */
  readonly near: Near | undefined
  readonly named: NamedTags | undefined
  /** Whether an invalidation of the key or one of the tags is owed. */
  readonly owed: (key: string | undefined, tags: readonly string[]) => boolean
}

const noTags: readonly string[] = Object.freeze([])

/** What the user touches: `redis.<namespace>`. */
export function openCache(parts: CacheParts): CacheNamespace<ParamValues, unknown, unknown> {
  const { pattern, names, settings, steps, loader, form, freshness, counting, lookup, near, named, refusals, clock } =
    parts
  const { misuse } = refusals

  function freshValue(opened: Opened): unknown {
    if (opened.is === 'fresh' || opened.is === 'due') return counted(opened.value)
    counting.misses++
    return undefined
  }
  const isThere = (opened: Opened): boolean => freshValue(opened) !== undefined
  function counted(value: unknown): unknown {
    if (value === undefined) counting.negative++
    else counting.hits++
    return value
  }
  /** What is at hand and may be believed. */
  function nearby(entry: Entry): Copy | undefined {
    if (near === undefined) return undefined
    const copy = entry.copy === undefined || entry.copy.gone ? near.at(entry.params, entry.key) : entry.copy
    if (copy === undefined) return undefined
    entry.copy = copy
    if (!near.believes(copy)) return undefined
    counting.nearHits++
    return copy
  }
  /** Chance says once for a read whether the value is loaded ahead of time: if it did for the copy, so it is. */
  function asDue({ copy }: Pick<Entry, 'copy'>, opened: Opened): Opened {
    const isSame = copy?.due && opened.is === 'fresh' && opened.marks.freshUntil === copy.marks.freshUntil
    return isSame ? { ...opened, is: 'due' } : opened
  }
  /** Drops what this process has of what is to be changed, and again when it is: what came between may be older. */
  async function changing<T>(
    what: readonly string[] | 'all',
    dropLoads: () => void,
    change: () => Promise<T>,
  ): Promise<T> {
    const dropCopies = () => {
      if (what === 'all') return near?.clear()
      near?.drop(what)
      named?.versions.drop(what)
    }
    lookup.flush()
    dropLoads()
    dropCopies()
    try {
      return await change()
    } finally {
      dropCopies()
    }
  }
  const certainty = (key: string | undefined, tags: readonly string[]): Certainty =>
    parts.owed(key, tags) ? 'owed' : 'done'

  /** One key. A class, since one is made for every call and its methods must not be; it is its own question, too. */
  class Entry implements CacheEntry<unknown, unknown>, Question {
    readonly params: ParamValues
    /** The key and the tags, unless they could be done without so far. */
    private formatted: string | undefined
    copy: Copy | undefined
    private tagKeys: readonly string[] | undefined

    constructor(params: ParamValues) {
      this.params = params
      this.copy = near?.at(params)
      // What is wrong with the params is said at once.
      if (this.copy === undefined) {
        refusals.named(() => {
          this.formatted = pattern.format(params)
          this.tagKeys = tagsOf(settings, params, names)
        })
      }
    }

    get key(): string {
      this.formatted ??= pattern.format(this.params)
      return this.formatted
    }

    get tags(): readonly string[] {
      this.tagKeys ??= tagsOf(settings, this.params, names)
      return this.tagKeys
    }

    get(options?: CallOptions): Promise<unknown> {
      const copy = nearby(this)
      return copy ? copy.answer() : lookup.one(this, options, freshValue)
    }

    has(options?: CallOptions): Promise<boolean> {
      const copy = nearby(this)
      return copy ? Promise.resolve(copy.present) : lookup.one(this, options, isThere)
    }

    getOrLoad(load: Loader<unknown>, options?: CallOptions): Promise<unknown> {
      if (typeof load !== 'function')
        return Promise.reject(misuse('getOrLoad()', load, 'a function that loads the value'))
      if (options !== undefined) {
        try {
          refusals.checkLoad(
            'getOrLoad()',
            options,
            'its loader sets it, with load.setTtl(), or the namespace declares it',
          )
        } catch (error) {
          return Promise.reject(error)
        }
      }
      const copy = nearby(this)
      if (copy) return copy.answer()
      const begun = clock.now()
      return lookup.one(this, options, (seen, found) => {
        const opened = asDue(this, seen)
        if (opened.is === 'fresh') return counted(opened.value)
        return loader.load({ question: this, found, opened }, load, options, begun)
      })
    }

    set(value: unknown, options: SetOptions & { fence: bigint }): Promise<Certainty | 'outdated'>
    set(value: unknown, options?: SetOptions): Promise<Certainty>
    async set(value: unknown, options?: SetOptions & { fence?: bigint }): Promise<Certainty | 'outdated'> {
      const { key, tags } = this
      refusals.check(options, ['ttl', 'fence'])
      const given = options?.ttl
      const ttlMs = given === undefined ? lifetimeOf(settings) : refusals.named(() => durationMs(given, 'ttl', shown))
      const stored = refusals.named(() => form.seal({ is: 'value', value }, versionsFor(tags), { ttlMs }))
      const excess = form.excess(stored)
      if (excess > 0) throw tooLarge(excess)
      const keptMs = freshness.keptFor(ttlMs)
      const fence = options?.fence === undefined ? undefined : refusals.named(() => fenceText(options.fence!))
      let written = true
      async function write(): Promise<void> {
        if (fence === undefined) await steps.write(options, key, stored, keptMs, tags)
        else written = await steps.writeFenced(options, key, stored, keptMs, tags, fence)
      }
      counting.bytesWritten += stored.length
      await changing([key], () => loader.drop(key), write)
      if (!written) return 'outdated'
      const became = certainty(key, noTags)
      if (became === 'done') parts.stored(key)
      return became
    }

    async delete(options?: CallOptions): Promise<Certainty> {
      const { key } = this
      refusals.check(options)
      const remove = () => steps.remove(options, [key])
      await changing([key], () => loader.drop(key), remove)
      return certainty(key, noTags)
    }
  }

  const tooLarge = (excess: number) => {
    const { maxBytes } = settings
    const message = `the value for '${pattern.source}' takes ${maxBytes + excess} bytes and maxBytes is ${maxBytes}`
    return refusals.refusal('VALUE_INVALID', message)
  }

  const entry = (params: ParamValues) => new Entry(params)
  const owes = (key: string) => parts.owed(key, noTags)
  return Object.assign(entry, {
    ...createBatches({
      ...parts,
      source: pattern.source,
      lookup,
      entry,
      freshValue,
      counted,
      nearby,
      asDue,
      changing,
      owes,
    }),
    ...createListing({ pattern, steps, refusals, owes }),
    async invalidateTag(tag: string, options?: CallOptions) {
      if (typeof tag !== 'string') throw misuse('invalidateTag()', tag, 'one tag, a string')
      if (!settings.tags && !settings.loaderTags) {
        throw refusals.refusal('PARAM_INVALID', `'${pattern.source}' declares no tags; there is none to invalidate`)
      }
      refusals.check(options)
      const tagKey = names.tag(tag)
      const outdate = () => steps.outdate(options, [tagKey])
      await changing([tagKey], () => loader.dropTag(tagKey), outdate)
      return certainty(undefined, [tagKey])
    },
    async clear(options?: ClearOptions) {
      refusals.check(options, ['onProgress'])
      const onProgress: unknown = options?.onProgress
      if (onProgress !== undefined && typeof onProgress !== 'function') {
        throw misuse('clear()', onProgress, 'a function as onProgress')
      }
      await changing('all', loader.dropAll, () => clear(steps, options))
      return certainty(undefined, noTags)
    },
  })
}

/** Refuses the loads under way first, so that none of them comes back behind the broom. */
async function clear(steps: Pick<Guarded<CacheStore>, 'forget' | 'sweep'>, options?: ClearOptions): Promise<void> {
  const { onProgress, ...terms } = options ?? {}
  await steps.forget(terms)
  let at: Cursor = { cursor: '0' }
  let removed = 0
  do {
    const page = await steps.sweep(terms, at)
    at = page
    removed += page.removed
    if (onProgress) surfacing(() => onProgress(removed))
  } while (at.cursor !== '0')
}
