import type { CallOptions } from '../../base/call.ts'
import type { Opened } from './form.ts'
import type { Near, NearTicket } from './near.ts'
import type { Found, Question, Reads } from './reads.ts'
import type { NamedTags } from './tag-versions.ts'

/** What was found, and what it is. */
export interface Seen {
  readonly found: Found
  readonly opened: Opened
}

/** Looks for values in Redis, and keeps what may be kept in this process. */
export interface Lookup {
  one<T>(
    question: Question,
    options: CallOptions | undefined,
    see: (opened: Opened, found: Found) => T | Promise<T>,
  ): Promise<T>
  many(questions: readonly Question[], options: CallOptions | undefined): Promise<Seen[]>
  /** Sends what is gathered, ahead of a write. */
  flush(): void
}

interface LookupParts {
  readonly reads: Reads
  readonly near: Near | undefined
  /** Where loaders name tags. */
  readonly named: NamedTags | undefined
  open(found: Found, question: Question): Opened
}

export function createLookup({ reads, near, named, open }: LookupParts): Lookup {
  function settled(found: Found, question: Question, ticket: NearTicket | undefined): Seen {
    const opened = open(found, question)
    if (ticket) near?.keep(ticket, question, opened, found)
    return { found, opened }
  }

  /** With the versions of the tags that its loader named, which takes a trip where they are not known. */
  function whole(found: Found, question: Question, ticket: NearTicket | undefined): Seen | Promise<Seen> {
    const names = named?.by(found) ?? noNames
    if (named === undefined || names.length === 0) return settled(found, question, ticket)
    const versions = named.of(found, names)
    const asked = { key: question.key, tags: [...question.tags, ...names] }
    const and = (more: readonly (string | null)[]) =>
      settled({ ...found, tags: [...found.tags, ...more] }, asked, ticket)
    return versions instanceof Promise ? versions.then(and) : and(versions)
  }

  return {
    one(question, options, see) {
      if (!near && !named) return reads.one(question, options, found => see(open(found, question), found))
      const ticket = near?.ask(question)
      return reads.one(question, options, found => {
        const seen = whole(found, question, ticket)
        return seen instanceof Promise
          ? seen.then(({ opened, found: all }) => see(opened, all))
          : see(seen.opened, seen.found)
      })
    },
    async many(questions, options) {
      const tickets = questions.map(question => near?.ask(question))
      const found = await reads.many(questions, options)
      return Promise.all(found.map((one, index) => whole(one, questions[index]!, tickets[index])))
    },
    flush: reads.flush,
  }
}

const noNames: readonly string[] = Object.freeze([])
