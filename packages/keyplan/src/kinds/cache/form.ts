import { headed, isHeaded, type Marks } from '../../base/codec/headed.ts'
import { beginsWithLead, readHeader, withHeader } from '../../base/codec/header.ts'
import type { Codec, Stored } from '../../base/codec.ts'
import type { Age, Freshness } from './freshness.ts'
import { isLossy, markOf } from './mark.ts'
import { type CacheSettings, isMarked } from './settings.ts'
import type { Standing } from './store.ts'
import { unknownVersions } from './tag-header.ts'

/** A value with its age (undefined where it is known that there is none), or a miss and what its load may replace. */
export type Opened =
  | { readonly is: Age; readonly value: unknown; readonly marks: Marks }
  | { readonly is: 'miss'; readonly replaces: Standing }

/** What is to be stored: a value, that there is none, or what is stored already with its time begun anew. */
export type Content =
  | { readonly is: 'value'; readonly value: unknown }
  | { readonly is: 'none' }
  | { readonly is: 'unchanged'; readonly stored: Stored }

/** The times of a value that is written, in milliseconds. */
export interface Times {
  readonly ttlMs: number
  /** What its load took, where it was loaded. */
  readonly loadMs?: number
}

/** How values of a namespace are stored: plain, or with a header that carries their age and the versions of their tags. */
export interface Form {
  /**
   * @param versions of the tags, see `versionsFor` where only the server knows them
   * @param named the tags that the loader named
   */
  seal(content: Content, versions: readonly string[], times: Times, named?: readonly string[]): Stored
  /** The tags that the loader of a value named. */
  namedBy(stored: Stored | null | undefined): readonly string[]
  /** A value whose tags have moved on, or that does not decode, is a miss: never an exception, never the wrong type. */
  open(stored: Stored | null | undefined, versions: readonly (string | null)[]): Opened
  /** A copy of a value that was just sealed. */
  copy(stored: Stored): unknown
  /** By how many bytes a sealed value is larger than may be stored; 0 when it is not. */
  excess(stored: Stored): number
}

/** For a write whose tag versions only the server knows. */
export const versionsFor = (tags: readonly string[]) => (tags.length === 0 ? tags : unknownVersions)

export function formOf(settings: CacheSettings, freshness: Freshness, onUndecodable: () => void): Form {
  const { codec, maxBytes } = settings
  const form = isMarked(settings) ? markedForm(codec, freshness, onUndecodable) : plainForm(codec, onUndecodable)
  return { ...form, excess: stored => Math.max(0, lengthOf(stored, maxBytes) - maxBytes) }
}

/** In bytes; what is surely within the bound is not counted. */
function lengthOf(stored: Stored, bound: number): number {
  // A character of text has three bytes at most.
  if (stored.length * 3 <= bound) return 0
  return typeof stored === 'string' ? Buffer.byteLength(stored) : stored.length
}

const nothing: Opened = { is: 'miss', replaces: 'nothing' }
const noMarks: Marks = Object.freeze({})
const noTags: readonly string[] = Object.freeze([])

/** A miss, though a value stands there: a load may replace that value, and none that was written meanwhile. */
export function outdated(stored: Stored | null | undefined): Opened {
  if (stored === null || stored === undefined) return nothing
  return { is: 'miss', replaces: standing(stored) }
}

/** What a load may replace that was asked for because of this value. */
export function standing(stored: Stored): Standing {
  return isLossy(stored) ? 'unclear' : { mark: markOf(stored) }
}

function plainForm(codec: Codec<unknown>, onUndecodable: () => void): Omit<Form, 'excess'> {
  // A form that has headers of its own escapes by itself.
  const headless = !isHeaded(codec)
  const decode = (stored: Stored) => codec.decode(headless && isEscaped(stored) ? readHeader(stored).payload : stored)
  return {
    seal(content) {
      if (content.is !== 'value') throw new Error(`a plain form has no way to say '${content.is}'`)
      const stored = codec.encode(content.value)
      return headless && (saysMore(stored) || isEscaped(stored)) ? withHeader(noMarks, stored) : stored
    },
    namedBy: () => noTags,
    copy: decode,
    open(stored) {
      if (stored === null || stored === undefined) return nothing
      try {
        if (!saysMore(stored)) return { is: 'fresh', value: decode(stored), marks: noMarks }
      } catch {}
      onUndecodable()
      return outdated(stored)
    },
  }
}

/** Whether it was written where the plan declared more than it does here: a codec that takes any text would decode the header. */
function saysMore(stored: Stored): boolean {
  if (!beginsWithLead(stored)) return false
  const { freshUntil, none, tags } = readHeader(stored).header
  return freshUntil !== undefined || none === true || tags !== undefined
}

/** Whether an empty header stands before a value that could itself be taken for one with a header. */
function isEscaped(stored: Stored): boolean {
  if (!beginsWithLead(stored)) return false
  const { payload } = readHeader(stored)
  // Byte 1 and the newline, with nothing between.
  return payload.length === stored.length - 2 && beginsWithLead(payload)
}

function markedForm(codec: Codec<unknown>, freshness: Freshness, onUndecodable: () => void): Omit<Form, 'excess'> {
  const form = headed(codec)
  return {
    seal(content, tags, { ttlMs, loadMs }, named) {
      // That there is no value is kept for its time alone: it never is an old value that might do.
      if (content.is === 'none') return form.sealNone({ tags, named })
      const marks = { ...freshness.marks(ttlMs, loadMs), tags, named }
      return content.is === 'value' ? form.seal(content.value, marks) : form.renew(content.stored, marks)
    },
    namedBy: stored => (stored === null || stored === undefined ? noTags : (form.open(stored).marks.named ?? noTags)),
    copy(stored) {
      const sealed = form.open(stored)
      return sealed.marks.none ? undefined : sealed.value()
    },
    open(stored, versions) {
      if (stored === null || stored === undefined) return nothing
      const { marks, value } = form.open(stored)
      const { tags = noTags } = marks
      // A value without tags was written by others, who know of none: it is believed until its time to live ends.
      if (tags.length > 0 && !sameVersions(tags, versions)) return outdated(stored)
      try {
        return { is: freshness.age(marks), value: marks.none ? undefined : value(), marks }
      } catch {
        onUndecodable()
        return outdated(stored)
      }
    },
  }
}

function sameVersions(stored: readonly string[], current: readonly (string | null)[]): boolean {
  if (stored.length !== current.length) return false
  for (let index = 0; index < stored.length; index++) if (stored[index] !== current[index]) return false
  return true
}
