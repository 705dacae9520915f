/** Parameter values of a key. Numbers are formatted as JavaScript prints them. */
export type ParamValues = Readonly<Record<string, string | number>>

/** A stretch of literal text, or a parameter. */
export type Part = { readonly literal: string } | ParamPart

export interface ParamPart {
  readonly param: string
  /** Takes the rest of the key, `:` included. Only the last part may. */
  readonly rest: boolean
  /** The key holds the SHA-256 of the value. */
  readonly hashed: boolean
}

/**
 * A parsed key pattern: literal text and `<name>` parameters. `match` is the exact inverse of `format` on string
 * forms, whatever the values hold.
 */
export interface Pattern {
  /** The pattern with the plan's prefix, as declared: `context_group:<userId>:<recordId>:<depth>`. */
  readonly source: string
  readonly params: readonly string[]
  readonly parts: readonly Part[]
  /** The literal text before the first parameter. */
  readonly stem: string
  /** Whether it carries a literal hash tag. */
  readonly tagged: boolean
  /** Whether its keys are other software's: values stand in them as they are, not percent-encoded. */
  readonly verbatim: boolean
  /** @throws KeyplanError PARAM_INVALID when a value is missing, of the wrong type, too long or ill-formed Unicode, or there is no object of them */
  format(params: ParamValues): string
  /** The parameters of a key of this pattern (digests for hashed ones), or undefined when it is not one. */
  match(key: string): Record<string, string> | undefined
  /** The SCAN glob of all its keys. May match more than the pattern does: check with `match`. */
  glob(): string
  /** Whether some key belongs to both. */
  overlaps(other: Pattern): boolean
}
