import type { Codec, Stored } from '../codec.ts'
import { KeyplanError, kindOf } from '../error.ts'
import { isStandardSchema, type StandardSchema, schemaCodec } from './schema.ts'

/** What a namespace takes as `value`: a codec, or any Standard Schema (zod, valibot, arktype and others). */
export type ValueSource<In, Out = In> = Codec<In, Out> | StandardSchema<In, Out>

/** What a write takes. */
export type InputOf<Source> = Source extends { readonly '~standard': { readonly types?: infer Types } }
  ? NonNullable<Types> extends { readonly input: infer In }
    ? In
    : unknown
  : Source extends { encode(value: infer In): Stored }
    ? In
    : never

/** What a read gives. */
export type OutputOf<Source> = Source extends { readonly '~standard': { readonly types?: infer Types } }
  ? NonNullable<Types> extends { readonly output: infer Out }
    ? Out
    : unknown
  : Source extends { decode(stored: Stored): infer Out }
    ? Out
    : never

/** What is wrong with a `value` option, for a declaration to collect. */
export function valueProblems(source: unknown): string[] {
  if (isStandardSchema(source)) return []
  if (isCodec(source)) return 'problems' in source ? [...(source.problems as readonly string[])] : []
  return [`the value is ${kindOf(source)}; give a codec such as json(), text() or bytes(), or a schema`]
}

/** @throws KeyplanError PLAN_INVALID when it is neither a codec nor a schema */
export function codecOf<In, Out>(source: ValueSource<In, Out>): Codec<In, Out> {
  // Schemas first: some have encode and decode methods of their own.
  if (isStandardSchema(source)) return schemaCodec(source as StandardSchema<In, Out>)
  if (isCodec(source)) return source as Codec<In, Out>
  throw new KeyplanError('PLAN_INVALID', valueProblems(source).join())
}

function isCodec(source: unknown): source is Codec<unknown> {
  if (typeof source !== 'object' || source === null) return false
  const { encode, decode } = source as Partial<Codec<unknown>>
  return typeof encode === 'function' && typeof decode === 'function'
}
