import type { Marks } from '../../base/codec/headed.ts'
import type { Stored } from '../../base/codec.ts'
import type { Place } from './copies.ts'

/** What is known of a copy beside its value. */
export interface CopyTerms {
  readonly marks: Marks
  /** Undefined where the server does not tell of changes: then it is believed for a short time. */
  readonly mark: number | undefined
  /** By the clock. */
  readonly until: number
  readonly tags: readonly string[]
  readonly bytes: number
}

/** A value as it is kept in this process: shared by all who read it, or decoded for each, who might change it. */
export type CopySource =
  | { readonly value: unknown }
  | { readonly stored: Stored; readonly decode: (stored: Stored) => unknown }

/** What a copy takes in this process beside its texts and its value, with its place among the others, about. */
export const copyBytes = 250

/** What its place among those of one tag takes beside the text of the tag, about. */
export const tagBytes = 50

/** A value that is kept in this process. A class, so that all have one shape: it is looked at for every hit. */
export class Copy implements Place {
  readonly name: string
  readonly key: string
  readonly marks: Marks
  readonly mark: number | undefined
  readonly until: number
  readonly tags: readonly string[]
  readonly bytes: number
  visited = false
  gone = false
  /** It was let go of since it is to be loaded ahead of time. */
  due = false
  newer: this | undefined = undefined
  older: this | undefined = undefined
  /** Whether it is a value, and not the knowledge that there is none. */
  readonly present: boolean
  /** What all who read it are given; or what it is made of for each of them. */
  private readonly kept: unknown
  private readonly decode: ((stored: Stored) => unknown) | undefined
  /** One for all who read it: to make a promise costs as much as the rest of a hit. */
  private readonly shared: Promise<unknown> | undefined

  constructor(name: string, key: string, source: CopySource, { marks, mark, until, tags, bytes }: CopyTerms) {
    this.name = name
    this.key = key
    this.marks = marks
    this.mark = mark
    this.until = until
    this.tags = tags
    this.bytes = bytes
    this.decode = 'decode' in source ? source.decode : undefined
    this.kept = 'value' in source ? source.value : source.stored
    this.shared = 'value' in source ? Promise.resolve(source.value) : undefined
    this.present = marks.none !== true
  }

  value(): unknown {
    return this.decode ? this.decode(this.kept as Stored) : this.kept
  }

  answer(): Promise<unknown> {
    return this.shared ?? Promise.resolve(this.value())
  }
}
