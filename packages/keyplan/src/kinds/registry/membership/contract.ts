import type { CallOptions } from '../../../base/call.ts'
import type { SourceHealth } from '../../../mechanisms/source.ts'

/** What a member tells of itself. */
export type MemberContents<In> = {
  /** What it can do; up to 64 texts of up to 200 characters. Default: nothing. */
  capabilities?: readonly string[] | undefined
  /** How busy it is: a number from 0, by which `pick` and `find` compare. Default: 0. */
  load?: number | undefined
} & ([In] extends [undefined] ? { metadata?: undefined } : { metadata: In })

export type JoinOptions<In> = MemberContents<In> &
  CallOptions & {
    /**
     * It had been taken off the list, because its process was silent for longer than its lease or what was known was lost,
     * and is on it again.
     */
    rejoined?: (() => void) | undefined
  }

/** One that this process keeps on the list, until it leaves or another takes its name. */
export interface Membership<In = unknown> extends AsyncDisposable {
  readonly id: string
  /** `replaced`: another has joined under its name. That ends it. */
  readonly state: 'member' | 'replaced' | 'left'
  /** Fires with MEMBERSHIP_LOST when another has joined under its name. */
  readonly signal: AbortSignal
  /** Of the heartbeat that it shares with the other members of this process. Undefined: it is no member any more. */
  readonly health: SourceHealth | undefined
  /** Milliseconds for which it is certainly listed, by the monotonic clock. 0: the server may not list it any more. */
  remaining(): number
  /**
   * Changes what is given and keeps the rest, in one step and one after the other. That only `load` changes is no event.
   *
   * @throws KeyplanError PARAM_INVALID, VALUE_INVALID; MEMBERSHIP_LOST when it is no member any more; when Redis cannot be asked
   */
  update(contents: Partial<MemberContents<In>>, options?: CallOptions): Promise<void>
  /**
   * Takes it off the list.
   *
   * @returns false when it was not on it any more
   * @throws KeyplanError when Redis cannot be asked; it then goes when its lease ends
   */
  leave(options?: CallOptions): Promise<boolean>
}
