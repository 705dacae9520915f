import type { Codec } from '../../base/codec.ts'

/** The options with their defaults; times in milliseconds. */
export interface StreamSettings {
  readonly codec: Codec<unknown>
  readonly keep: {
    readonly entries: number | undefined
    readonly ageMs: number | undefined
    readonly untilRead: boolean
  }
  readonly groups: Readonly<Record<string, { readonly start: string }>>
  readonly blockMs: number
  readonly batch: number
  readonly claimAfterMs: number
  readonly retry: { readonly attempts: number; readonly delayMs: number; readonly longestMs: number }
  readonly deadMs: number
  readonly dedupeMs: number
  readonly idempotency: { readonly ttlMs: number; readonly by: ((value: never) => string) | undefined } | undefined
}

/** How often an entry is given out before it is given up. */
export const mostDeliveries = ({ retry }: Pick<StreamSettings, 'retry'>) => retry.attempts + 1

/** The pause after the delivery with this number, without its spread: it doubles with each. */
export function backoffOf({ retry }: Pick<StreamSettings, 'retry'>, delivery: number): number {
  return Math.min(retry.longestMs, retry.delayMs * 2 ** Math.min(delivery - 1, 30))
}

/** How long after its first delivery an entry may wait for its last: all retries, each found by its lapsed claim. */
export function retryHorizon(settings: Pick<StreamSettings, 'retry' | 'claimAfterMs'>): number {
  let total = settings.claimAfterMs
  for (let delivery = 1; delivery <= settings.retry.attempts; delivery++) {
    total += settings.claimAfterMs + backoffOf(settings, delivery)
  }
  return total
}

/** The same of one whose dead letter is sent back on its last day. */
export const redeliveryHorizon = (settings: Pick<StreamSettings, 'retry' | 'claimAfterMs' | 'deadMs'>): number =>
  settings.deadMs + retryHorizon(settings)
