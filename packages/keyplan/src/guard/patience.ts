/** Milliseconds. */
export interface Patience {
  /** The longest one try may take. */
  readonly attempt: number
  /** The longest a call may take, with all its tries. */
  readonly deadline: number
  readonly retry?: {
    /** Most tries after the first. Default: as many as the deadline allows. */
    readonly attempts: number | undefined
    /** The pause before the second try; it doubles with each. Default 25. */
    readonly delay: number
  }
}
