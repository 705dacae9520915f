import type { CallOptions } from '../../../base/call.ts'
import type { Clock } from '../../../base/clock.ts'
import { durationMs } from '../../../base/duration.ts'
import { KeyplanError } from '../../../base/error.ts'
import type { Guarded } from '../../../guard/guarded.ts'
import { type Claim, createClaim, isDoubtful } from '../../../mechanisms/lease/claim.ts'
import { within } from '../../../mechanisms/lease/patience.ts'
import type { LeaseSteps, Request, Wanted } from '../../../mechanisms/lease/steps.ts'
import type { LockState } from '../contract.ts'
import type { Member, Vote } from './member.ts'
import { majorityOf, type Poll, poll } from './poll.ts'

/** A claim's part at one member. */
interface Ballot {
  readonly claim: Claim
  /** It holds nothing there and never will. */
  cleared: boolean
}

/** What clocks may run apart while a lock lives: a hundredth of that time, and 2 ms for the precision of expiry. */
const drift = (ttlMs: number) => ttlMs / 100 + 2

/** A lock that took longer to get than this share of its life is not worth having. */
const mostSpent = 0.5

/**
 * Redlock, by the description of Salvatore Sanfilippo (https://redis.io/docs/latest/develop/clients/patterns/distributed-locks/):
 * a lock is held by who has the votes of most servers, for the time to live less what it took to get them and what their
 * clocks may differ. Beyond it, the fence that Martin Kleppmann found missing
 * (https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html): the largest of those that the voters would
 * take is told to a majority before anybody works with it. Two majorities share a server, so the next one is larger.
 */
export function quorumSteps(
  members: readonly Guarded<Member>[],
  ttlMs: number,
  name: string,
  clock: Clock,
): LeaseSteps<Wanted> & { inspect(options: CallOptions, key: string): Promise<LockState> } {
  const majority = majorityOf(members.length)
  const ballots = new WeakMap<Claim, readonly Ballot[]>()
  /** A server that does not answer must not cost the time that the lock has. */
  const patience = Math.max(50, ttlMs / 10)

  const ballotsOf = ({ claim }: Request<Wanted>): readonly Ballot[] => {
    const found = ballots.get(claim) ?? members.map(() => ({ claim: createClaim(claim.owner), cleared: false }))
    ballots.set(claim, found)
    return found
  }
  const brief = ({ deadline, signal }: CallOptions) =>
    within(Math.min(patience, deadline === undefined ? patience : durationMs(deadline)), signal)

  /** So many did not answer that nobody can tell. */
  const isUndecided = ({ failures }: Poll<unknown>) => failures.length > members.length - majority
  const undecided = ({ failures }: Poll<unknown>) =>
    failures.find(({ code }) => code === 'ABORTED' || code === 'CLOSED') ??
    new KeyplanError(
      'DISCONNECTED',
      `${failures.length} of the ${members.length} servers of the quorum of ${name} did not answer as they should: ${failures[0]?.message}`,
      {
        namespace: name,
        outcome: failures.some(({ outcome }) => outcome === 'unknown') ? 'unknown' : 'not-executed',
        cause: failures[0],
      },
    )

  return {
    async acquire(options, request) {
      const begun = clock.now()
      const own = ballotsOf(request)
      const votes = await poll<Guarded<Member>, Vote>(
        members,
        (member, index) => member.vote(brief(options), request.key, own[index]!.claim, ttlMs),
        ({ granted }) => granted,
      )
      // Whatever comes of it, votes that were given are withdrawn if it is not kept.
      request.claim.granted = votes.pending > 0 || own.some(({ claim }) => claim.granted || isDoubtful(claim))
      if (!votes.won) {
        if (isUndecided(votes)) throw undecided(votes)
        const remaining = votes.no.map(vote => (vote.granted ? 0 : vote.remainingMs)).filter(ms => ms !== undefined)
        return { granted: false, remainingMs: remaining.length > 0 ? Math.min(...remaining) : undefined }
      }
      const fences = votes.yes.map(vote => (vote.granted ? vote.fence : 0n))
      const fence = fences.reduce((largest, one) => (one > largest ? one : largest))
      const notes = await poll(
        members,
        (member, index) => member.commit(brief(options), request.key, own[index]!.claim, fence, ttlMs),
        Boolean,
      )
      if (!notes.won) {
        if (isUndecided(notes)) throw undecided(notes)
        return { granted: false, remainingMs: undefined }
      }
      const until = begun + ttlMs - drift(ttlMs)
      if (clock.now() > begun + ttlMs * mostSpent) {
        throw new KeyplanError('TIMEOUT', `The votes for the lock ${name} came too late to be of use`, {
          namespace: name,
          outcome: 'not-executed',
        })
      }
      return { granted: true, fence: String(fence), until, degraded: false }
    },
    async extend(options, request, ttl) {
      const begun = clock.now()
      const own = ballotsOf(request)
      const answers = await poll(
        members,
        (member, index) => member.extend(options, request.key, own[index]!.claim, ttl),
        Boolean,
      )
      if (answers.won) return begun + ttl - drift(ttl)
      // Only who was refused by so many has certainly lost it.
      if (answers.no.length > members.length - majority) return undefined
      throw undecided(answers)
    },
    async release(options, request) {
      const own = ballotsOf(request)
      const answers = await poll(
        members,
        (member, index) => member.release(options, request.key, own[index]!.claim),
        Boolean,
      )
      if (!answers.won && isUndecided(answers)) throw undecided(answers)
      return answers.won
    },
    async withdraw(options, request) {
      const own = ballotsOf(request)
      const pauses = await Promise.all(
        members.map(async (member, index) => {
          const ballot = own[index]!
          if (ballot.cleared) return 0
          const pause = await member.withdraw(options, request.key, ballot.claim).catch(() => patience)
          ballot.cleared = pause === 0
          return pause
        }),
      )
      return Math.max(...pauses)
    },
    async inspect(options, key) {
      const seen = await poll(
        members,
        member => member.inspect(brief(options), key),
        () => true,
      )
      if (!seen.won) throw undecided(seen)
      const held = seen.yes.filter(({ owner }) => owner !== undefined)
      const rest = Math.min(...held.map(({ remainingMs }) => remainingMs))
      const locked = held.some(({ owner }) => held.filter(other => other.owner === owner).length * 2 > seen.yes.length)
      return { locked, remainingMs: locked ? rest : undefined }
    },
  }
}
