/** What lies in Redis: text, or bytes for a binary codec. */
export type Stored = string | Uint8Array

/**
 * Turns values into their stored form and back. `In` is what a write takes, `Out` what a read gives: they differ
 * where a schema transforms.
 */
export interface Codec<In, Out = In> {
  /** Shown by `describe`, e.g. `json`. */
  readonly name: string
  /** Whether the stored form is bytes. Text codecs are read as UTF-8 strings. */
  readonly binary: boolean
  /** `json` when the stored form is JSON text; an upcaster is then given the parsed value. */
  readonly format?: 'json' | undefined
  /**
   * Gives what does not change with the value afterwards.
   *
   * @throws KeyplanError VALUE_INVALID when the value cannot be stored
   */
  encode(value: In): Stored
  /**
   * Gives a value of the reader's own, no view of what is stored: others read the same bytes.
   *
   * @throws any error when the stored form is not one of this codec's; the caller decides what that means
   */
  decode(stored: Stored): Out
}
