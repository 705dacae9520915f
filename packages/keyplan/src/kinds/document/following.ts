import type { Clock } from '../../base/clock.ts'
import { surfacing } from '../../base/surfacing.ts'
import { createSource, type SourceNotice } from '../../mechanisms/source.ts'
import type { DocumentSubscribeOptions, DocumentSubscription, Snapshot } from './contract.ts'
import type { Changes } from './store.ts'

interface FollowParts<Out> {
  readonly namespace: string
  readonly key: string
  readonly clock: Clock
  readonly changes: Changes
  readonly pollMs: number
  /** `remainingMs`: until it ends by itself. */
  read(signal: AbortSignal): Promise<Snapshot<Out> & { readonly remainingMs: number | undefined }>
  notify(notice: SourceNotice): void
  /** The listener threw this. */
  failed(thrown: unknown): void
}

/** How long closing waits for a listener that is at work, in milliseconds. */
const graceMs = 5_000

/**
 * Reads whenever something may have changed and tells what is different from what was told last. So whatever is missed, what
 * is told in the end is how the document is.
 */
export function follow<Out>(
  { namespace, key, clock, changes, pollMs, read, notify, failed }: FollowParts<Out>,
  listener: (snapshot: Snapshot<Out>) => Promise<void> | void,
  { onGap }: DocumentSubscribeOptions,
): DocumentSubscription {
  let told: number | undefined

  async function tell({ value, version }: Snapshot<Out>): Promise<void> {
    told = version
    try {
      await listener({ value, version })
    } catch (error) {
      failed(error)
    }
  }

  const source = createSource({
    namespace,
    name: 'subscriber',
    clock,
    async turn({ signal, well }) {
      const { remainingMs, ...snapshot } = await read(signal)
      well()
      if (!signal.aborted && snapshot.version !== told) await tell(snapshot)
      return Math.max(1, Math.min(pollMs, (remainingMs ?? pollMs) + 1))
    },
    notify,
  })
  const listening = changes.listen(key, {
    changed: source.ring,
    missed() {
      source.gap({ reason: 'the link was lost' })
      if (onGap) surfacing(onGap)
      source.ring()
    },
  })
  const close = () => {
    listening.close()
    return source.close(graceMs)
  }
  return {
    get health() {
      return source.health
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
