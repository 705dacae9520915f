import { AsyncResource } from 'node:async_hooks'
import type { CallOptions } from '../../base/call.ts'
import { durationMs } from '../../base/duration.ts'
import { shown } from '../../base/error.ts'
import { fenceText } from '../../mechanisms/fencing.ts'
import type { ParamValues, Pattern } from '../../plan/pattern/pattern.ts'
import type { Answers, Asking } from './answers.ts'
import type { Changes, ChangesParts } from './changes.ts'
import type { CacheEntry, Certainty, Loader, SetOptions } from './contract.ts'
import type { FetchParts } from './fetch.ts'
import { type Opened, versionsFor } from './form.ts'
import { heldTurn } from './held-turn.ts'
import { lifetimeOf } from './lifetime.ts'
import type { CacheLoader } from './loader.ts'
import type { Lookup } from './lookup.ts'
import type { Copy } from './near-copy.ts'
import type { Question } from './reads.ts'
import { tagsOf } from './tags.ts'

/** What the user touches of one key; it is its own question, too. */
export interface Entry extends CacheEntry<unknown, unknown>, Question, Asking {}

export interface EntryParts
  extends Pick<
      FetchParts,
      'settings' | 'names' | 'steps' | 'form' | 'freshness' | 'refusals' | 'counting' | 'stored' | 'clock'
    >,
    Pick<ChangesParts, 'near'> {
  readonly pattern: Pattern
  readonly loader: CacheLoader
  readonly lookup: Lookup
}

const noTags: readonly string[] = Object.freeze([])

/** Makes the entry of the params, for every call. */
export function createEntries(parts: EntryParts, answers: Answers, changes: Changes): (params: ParamValues) => Entry {
  const { pattern, names, settings, steps, loader, form, freshness, lookup, near, refusals, counting, clock } = parts
  const { misuse } = refusals
  const isThere = (opened: Opened): boolean => answers.freshValue(opened) !== undefined

  /** A class, since one is made for every call and its methods must not be. */
  class OneKey implements Entry {
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
      const copy = answers.nearby(this)
      return copy ? copy.answer() : lookup.one(this, options, answers.freshValue)
    }

    has(options?: CallOptions): Promise<boolean> {
      const copy = answers.nearby(this)
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
      const copy = answers.nearby(this)
      if (copy) return copy.answer()
      const begun = clock.now()
      const turn = heldTurn()
      // Replies of a batch come in the context of one of its callers, and a loader may look for the tenant of its own.
      const context = new AsyncResource('keyplan.getOrLoad', { requireManualDestroy: true })
      return lookup.one(this, options, (seen, found) => {
        const opened = answers.asDue(this, seen)
        if (opened.is === 'fresh') return answers.counted(opened.value)
        const asked = { question: this, found, opened }
        return context.runInAsyncScope(() => loader.load(asked, load, options, begun, turn))
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
      await changes.make([key], () => loader.drop(key), write)
      if (!written) return 'outdated'
      const became = changes.certainty(key, noTags)
      if (became === 'done') parts.stored(key)
      return became
    }

    async delete(options?: CallOptions): Promise<Certainty> {
      const { key } = this
      refusals.check(options)
      const remove = () => steps.remove(options, [key])
      await changes.make([key], () => loader.drop(key), remove)
      return changes.certainty(key, noTags)
    }
  }

  const tooLarge = (excess: number) => {
    const { maxBytes } = settings
    const message = `the value for '${pattern.source}' takes ${maxBytes + excess} bytes and maxBytes is ${maxBytes}`
    return refusals.refusal('VALUE_INVALID', message)
  }

  return params => new OneKey(params)
}
