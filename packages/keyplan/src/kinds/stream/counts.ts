/** What workers have done so far. */
export interface Counts {
  /** Deliveries, of which one entry may have several. */
  delivered: number
  handled: number
  failed: number
  retried: number
  redelivered: number
  reclaimed: number
  buried: number
  lost: number
  missed: number
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
