import { headed } from '../../base/codec/headed.ts'
import type { Codec, Stored } from '../../base/codec.ts'
import type { CacheSettings } from './contract.ts'
import { isLossy, markOf } from './mark.ts'
import type { Standing } from './store.ts'
import { unknownVersions } from './tag-header.ts'

/** A usable value, or a miss and what it may replace. */
export type Opened =
  | { readonly usable: true; readonly value: unknown }
  | { readonly usable: false; readonly replaces: Standing }

/** How values of a namespace are stored: plain, or with a header that carries the versions of their tags. */
export interface Form {
  /** For a write whose tag versions only the server knows. */
  sealNew(value: unknown, tags: readonly string[]): Stored
  /** For a load whose tag versions were read before it. */
  sealLoaded(value: unknown, versions: readonly string[]): Stored
  /** A value whose tags have moved on, or that does not decode, is a miss: never an exception, never the wrong type. */
  open(stored: Stored | null | undefined, versions: readonly (string | null)[]): Opened
  /** A copy of a value that was just sealed. */
  copy(stored: Stored): unknown
  /** By how many bytes a sealed value is larger than may be stored; 0 when it is not. */
  excess(stored: Stored): number
}

export function formOf({ codec, tags, maxBytes }: CacheSettings, onUndecodable: () => void): Form {
  const form = tags ? taggedForm(codec, onUndecodable) : plainForm(codec, onUndecodable)
  return { ...form, excess: stored => Math.max(0, lengthOf(stored, maxBytes) - maxBytes) }
}

/** In bytes; what is surely within the bound is not counted. */
function lengthOf(stored: Stored, bound: number): number {
  // A character of text has three bytes at most.
  if (stored.length * 3 <= bound) return 0
  return typeof stored === 'string' ? Buffer.byteLength(stored) : stored.length
}

const nothing: Opened = { usable: false, replaces: 'nothing' }

/** A miss, though a value stands there: a load may replace that value, and none that was written meanwhile. */
export function outdated(stored: Stored | null | undefined): Opened {
  if (stored === null || stored === undefined) return nothing
  return { usable: false, replaces: isLossy(stored) ? 'unclear' : { mark: markOf(stored) } }
}

function plainForm(codec: Codec<unknown>, onUndecodable: () => void): Omit<Form, 'excess'> {
  return {
    sealNew: value => codec.encode(value),
    sealLoaded: value => codec.encode(value),
    copy: stored => codec.decode(stored),
    open(stored) {
      if (stored === null || stored === undefined) return nothing
      try {
        return { usable: true, value: codec.decode(stored) }
      } catch {
        onUndecodable()
        return outdated(stored)
      }
    },
  }
}

function taggedForm(codec: Codec<unknown>, onUndecodable: () => void): Omit<Form, 'excess'> {
  const form = headed(codec)
  return {
    sealNew: (value, tags) => form.seal(value, { tags: tags.length === 0 ? [] : unknownVersions }),
    sealLoaded: (value, versions) => form.seal(value, { tags: versions }),
    copy: stored => form.decode(stored),
    open(stored, versions) {
      if (stored === null || stored === undefined) return nothing
      const sealed = form.open(stored)
      // A value without tags was written by others, who know of none: it is believed until its time to live ends.
      if (sealed.tags.length > 0 && !sameVersions(sealed.tags, versions)) return outdated(stored)
      try {
        return { usable: true, value: sealed.value() }
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
