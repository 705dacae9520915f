/** What workers have done so far. Delivered is handled, failed, skipped, given back, or still at hand. */
export interface Counts {
  /** Deliveries, of which an entry may have several. */
  delivered: number
  handled: number
  /** Deliveries that failed, and those of them that are tried again. */
  failed: number
  retried: number
  /** Deliveries after the first of an entry. */
  redelivered: number
  /** What another worker had, and said nothing of. */
  reclaimed: number
  /** Dead letters that were written. */
  buried: number
  /** Entries that were given out and vanished from the stream: told by their ids. */
  lost: number
  /** Entries that vanished before anybody was given them: told by their number. */
  missed: number
  /** Handled before, and not again (`idempotency`). */
  skipped: number
}

export const noCounts = (): Counts => ({
  delivered: 0,
  handled: 0,
  failed: 0,
  retried: 0,
  redelivered: 0,
  reclaimed: 0,
  buried: 0,
  lost: 0,
  missed: 0,
  skipped: 0,
})
