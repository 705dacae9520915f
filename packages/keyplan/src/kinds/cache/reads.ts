import type { CallOptions } from '../../base/call.ts'
import type { Stored } from '../../base/codec.ts'
import { isKeyplanError } from '../../base/error.ts'
import type { Guarded } from '../../guard/guarded.ts'
import { createGather } from '../../mechanisms/gather.ts'
import type { Server } from '../kind.ts'
import type { Counting } from './figures.ts'
import type { Refusals } from './refusals.ts'
import type { CacheStore, Reading } from './store.ts'

/** What one caller asks for. */
export interface Question {
  readonly key: string
  readonly tags: readonly string[]
}

/** One caller's part of a reading. */
export interface Found {
  readonly stored: Stored | null | undefined
  readonly seen: Reading['seen']
  readonly tags: Reading['tags']
}

/** Reads that share a round trip. */
export interface Reads {
  /** What `map` makes of one key; calls of the same tick are gathered, unless the caller sets terms of its own. */
  one<T>(
    question: Question,
    options: CallOptions | undefined,
    map: (found: Found, question: Question) => T | Promise<T>,
  ): Promise<T>
  /** Many keys in one round trip. */
  many(questions: readonly Question[], options: CallOptions | undefined): Promise<Found[]>
  /** Sends what is gathered, ahead of a write. */
  flush(): void
}

/** By measurement: more is slower at 100 calls in flight, fewer at 1,000. */
export const batchSize = 32

const noTags: readonly string[] = Object.freeze([])

/** Each tag once, with its place in the question to the store; undefined when there are none. */
function placesOf(questions: readonly Question[]): Map<string, number> | undefined {
  let places: Map<string, number> | undefined
  for (const { tags } of questions) {
    for (const tag of tags) {
      places ??= new Map()
      if (!places.has(tag)) places.set(tag, places.size)
    }
  }
  return places
}

/** What the store said of several questions. */
interface Answer {
  readonly reading: Reading
  /** Where the versions of the tags stand in it. */
  readonly places: ReadonlyMap<string, number> | undefined
}

/** The part of one. */
function found({ reading: { values, seen, tags }, places }: Answer, index: number, question: Question): Found {
  const versionOf = (tag: string) => tags[places!.get(tag)!] ?? null
  return {
    stored: values[index],
    seen,
    tags: question.tags.length === 0 ? question.tags : question.tags.map(versionOf),
  }
}

interface ReadsParts {
  readonly steps: Pick<Guarded<CacheStore>, 'read'>
  readonly lane: Server['lane']
  readonly counting: Pick<Counting, 'bytesRead'>
  readonly refusals: Pick<Refusals, 'check'>
}

export function createReads({ steps, lane, counting, refusals }: ReadsParts): Reads {
  async function ask(questions: readonly Question[], options: CallOptions | undefined): Promise<Answer> {
    const keys = questions.map(question => question.key)
    const places = placesOf(questions)
    const reading = await steps.read(options, keys, places ? [...places.keys()] : noTags)
    for (const stored of reading.values) counting.bytesRead += stored?.length ?? 0
    return { reading, places }
  }

  async function together(questions: readonly Question[], options: CallOptions | undefined): Promise<Found[]> {
    const answer = await ask(questions, options)
    return questions.map((question, index) => found(answer, index, question))
  }

  async function alone(question: Question, options: CallOptions): Promise<Found> {
    refusals.check(options)
    return found(await ask([question], options), 0, question)
  }

  /** One trip for each server. */
  async function many(questions: readonly Question[], options: CallOptions | undefined): Promise<Found[]> {
    if (!lane) return together(questions, options)
    const parts = new Map<string, number[]>()
    for (const [index, { key }] of questions.entries()) {
      const name = lane(key)
      const part = parts.get(name)
      if (part) part.push(index)
      else parts.set(name, [index])
    }
    const all = new Array<Found>(questions.length)
    await Promise.all(
      [...parts.values()].map(async part => {
        const answers = await together(
          part.map(index => questions[index]!),
          options,
        )
        for (const [at, index] of part.entries()) all[index] = answers[at]!
      }),
    )
    return all
  }

  const gather = createGather<Question, Found, Answer>({
    max: batchSize,
    run: questions => ask(questions, undefined),
    result: found,
    lane: lane && (({ key }) => lane(key)),
    key: question => question.key,
    separable: error => isKeyplanError(error, 'NO_PERMISSION'),
  })

  return {
    one: (question, options, map) =>
      options === undefined ? gather.mapped(question, map) : alone(question, options).then(one => map(one, question)),
    async many(questions, options) {
      refusals.check(options)
      gather.flush()
      return many(questions, options)
    },
    flush: gather.flush,
  }
}
