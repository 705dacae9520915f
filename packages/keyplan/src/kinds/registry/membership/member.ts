import type { CallOptions } from '../../../base/call.ts'
import { checkOptions } from '../../../base/call.ts'
import type { Clock } from '../../../base/clock.ts'
import { KeyplanError } from '../../../base/error.ts'
import { groupProblems } from '../../../base/option-group.ts'
import { surfacing } from '../../../base/surfacing.ts'
import type { SourceHealth } from '../../../mechanisms/source.ts'
import type { Entry, PutResult } from '../store.ts'
import type { MemberContents, Membership } from './contract.ts'

export type Contents = Partial<MemberContents<unknown>>

/** A member of this process, as its registry sees it. */
export interface Member extends Membership {
  /** What is written of it, for when it has to be written again. */
  readonly entry: Entry
  /** It was on the list when the clock stood here. */
  confirmed(at: number): void
  /** Joins again, after changes that are under way. */
  restore(again: () => Promise<void>): Promise<void>
  rejoined(at: number): void
  /** Another has its name. */
  replaced(): void
  /** Its client takes it off the list. */
  left(): void
}

interface MemberParts {
  readonly namespace: string
  readonly clock: Clock
  readonly leaseMs: number
  readonly entry: Entry
  /** When the step that let it join began. */
  readonly begun: number
  contents: Contents
  rejoined: (() => void) | undefined
  /** What is to be written of it when it tells this. Throws what is wrong with it. */
  entryOf(contents: Contents): Entry
  health(): SourceHealth | undefined
  write(entry: Entry, options: CallOptions): Promise<PutResult>
  leave(options: CallOptions): Promise<boolean>
  /** It is no member of this process any more. */
  ended(): void
}

const ownOptions = ['capabilities', 'metadata', 'load'] as const

export function createMember(parts: MemberParts): Member {
  const { namespace, clock, leaseMs, entryOf, write, ended } = parts
  const { id } = parts.entry
  const controller = new AbortController()
  let { entry, contents } = parts
  let state: Membership['state'] = 'member'
  let until = parts.begun + leaseMs
  /** Changes follow each other, so that none undoes another. */
  let last: Promise<unknown> = Promise.resolve()

  function ending(): KeyplanError {
    const why = state === 'left' ? 'has left' : 'was replaced by another of its name'
    return new KeyplanError('MEMBERSHIP_LOST', `A member of ${namespace} ${why}`, {
      namespace,
      outcome: 'not-executed',
    })
  }

  async function change(more: Contents, options: CallOptions): Promise<void> {
    if (state !== 'member') throw ending()
    const next = { ...contents, ...more }
    const written = entryOf(next)
    const begun = clock.now()
    const result = await write(written, options)
    if (typeof result === 'string') {
      member.replaced()
      throw ending()
    }
    contents = next
    entry = written
    member.confirmed(begun)
  }

  const member: Member = {
    id,
    signal: controller.signal,
    get state() {
      return state
    },
    get entry() {
      return entry
    },
    get health() {
      return state === 'member' ? parts.health() : undefined
    },
    remaining: () => (state === 'member' ? Math.max(0, until - clock.now()) : 0),
    confirmed(at) {
      until = Math.max(until, at + leaseMs)
    },
    restore(again) {
      const restored = last.then(again)
      last = restored.catch(() => {})
      return restored
    },
    rejoined(at) {
      member.confirmed(at)
      if (parts.rejoined) surfacing(parts.rejoined)
    },
    replaced() {
      if (state !== 'member') return
      state = 'replaced'
      ended()
      controller.abort(ending())
    },
    left() {
      if (state === 'member') state = 'left'
    },
    async update(more, options = {}) {
      const [problem] = groupProblems(more, '', ownOptions)
      if (problem) throw new KeyplanError('PARAM_INVALID', problem)
      checkOptions(options)
      const given = Object.fromEntries(Object.entries(more).filter(([, value]) => value !== undefined))
      const changed = last.then(() => change(given, options))
      last = changed.catch(() => {})
      return changed
    },
    async leave(options = {}) {
      checkOptions(options)
      if (state !== 'member') return false
      state = 'left'
      ended()
      return parts.leave(options)
    },
    async [Symbol.asyncDispose]() {
      // It goes with its lease at the latest.
      await member.leave().catch(() => {})
    },
  }
  return member
}
