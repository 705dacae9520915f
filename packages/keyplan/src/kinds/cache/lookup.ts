import type { CallOptions } from '../../base/call.ts'
import type { Opened } from './form.ts'
import type { Near } from './near.ts'
import type { Found, Question, Reads } from './reads.ts'

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

export function createLookup(
  reads: Reads,
  open: (found: Found, question: Question) => Opened,
  near: Near | undefined,
): Lookup {
  if (!near) {
    return {
      one: (question, options, see) => reads.one(question, options, found => see(open(found, question), found)),
      async many(questions, options) {
        const found = await reads.many(questions, options)
        return found.map((one, index) => ({ found: one, opened: open(one, questions[index]!) }))
      },
      flush: reads.flush,
    }
  }
  return {
    one(question, options, see) {
      const ticket = near.ask(question.key)
      return reads.one(question, options, found => {
        const opened = open(found, question)
        near.keep(ticket, question, opened, found)
        return see(opened, found)
      })
    },
    async many(questions, options) {
      const tickets = questions.map(({ key }) => near.ask(key))
      const found = await reads.many(questions, options)
      return found.map((one, index) => {
        const opened = open(one, questions[index]!)
        near.keep(tickets[index]!, questions[index]!, opened, one)
        return { found: one, opened }
      })
    },
    flush: reads.flush,
  }
}
