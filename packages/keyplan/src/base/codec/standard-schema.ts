/** The public interface that validation libraries share (Standard Schema, version 1), as far as it is used here. */
export interface StandardSchema<In = unknown, Out = In> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => Validation<Out> | Promise<Validation<Out>>
    /** Exists for the compiler alone. */
    readonly types?: { readonly input: In; readonly output: Out } | undefined
  }
}

export type Validation<Out> =
  | { readonly value: Out; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

export interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** Schemas may be functions as well as objects. */
export function isStandardSchema(value: unknown): value is StandardSchema {
  if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return false
  const { '~standard': standard } = value as Partial<StandardSchema>
  return typeof standard === 'object' && standard !== null && typeof standard.validate === 'function'
}

/** Where an issue lies: `user.emails.0`, or `the value itself`. */
export function placeOf({ path }: SchemaIssue): string {
  if (!path || path.length === 0) return 'the value itself'
  return path.map(step => String(typeof step === 'object' ? step.key : step)).join('.')
}
