import type { ValueSource } from '../../base/codec/codec-of.ts'
import type { Duration } from '../../base/duration.ts'
import type { Size } from '../../base/size.ts'
import type { NamespaceOptions } from '../../plan/declaration.ts'
import type { ParamName } from '../../plan/params.ts'

export interface ChannelOptions<P extends string, In, Out> extends NamespaceOptions<ParamName<P>> {
  /** A codec such as `json<T>()` that stores text, or any Standard Schema, which then validates on both ends. */
  value: ValueSource<In, Out>
  /**
   * Keeps the newest messages, so many or as long as that, beside the channel, numbered: who was away for a while gets what
   * was published meanwhile, in order and once. What is kept is gone when nothing was published for `keep`, or for 7 days
   * where that is a number. Default: off.
   */
  reliable?: { keep: number | Duration }
  /**
   * On a cluster messages stay with the server that has the channel's slot (SPUBLISH), in place of going to all of them.
   * `subscribeAll` is not possible then. Other software has to use the same commands. Default: false.
   */
  sharded?: boolean
  /**
   * What may wait for one handler that is slower than the messages, and what goes when there is no more room: the `oldest`
   * (default), the `newest`, or the subscription itself (`close`). A `reliable` channel loses nothing by it: it is read on
   * when there is room again. Default: 1,000 messages, 1mb.
   */
  buffer?: { count?: number; bytes?: Size; drop?: 'oldest' | 'newest' | 'close' }
  /**
   * When Redis cannot be asked: `drop` answers that nobody has heard it, marks that `degraded` and counts it; `fail` rejects.
   * Default: `drop`, and `fail` where the channel is `reliable`.
   */
  whenDown?: 'drop' | 'fail'
}

export const ownOptions: Readonly<
  Record<Exclude<keyof ChannelOptions<string, unknown, unknown>, keyof NamespaceOptions>, true>
> = { value: true, reliable: true, sharded: true, buffer: true, whenDown: true }
