/** What is known of who holds a lock. As JSON its fence is text. */
export interface Holder {
  readonly host: string
  readonly pid: number
  /** Names the client within its process. */
  readonly client: string
  readonly fence: bigint
  /** Milliseconds since it was acquired, by the server's clock. */
  readonly ageMs: number
}
