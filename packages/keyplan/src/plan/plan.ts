import type { Declaration } from './declaration.ts'
import type { Pattern } from './pattern/pattern.ts'

export type Namespaces = Readonly<Record<string, Declaration>>

/**
 * A checked plan: inert data that the client, the command line and the console all load. It holds no connection and
 * knows no server.
 */
export interface Plan<N extends Namespaces = Namespaces> {
  readonly name: string
  /** Stands before every pattern; `''` when there is none. */
  readonly prefix: string
  readonly namespaces: N
  /** The parsed pattern of each namespace, prefix included. */
  readonly patterns: { readonly [Name in keyof N]: Pattern }
  /** What is allowed but probably not meant. */
  readonly warnings: readonly string[]
}

const brand = Symbol.for('keyplan.plan')

/** Freezes a plan and marks it as one, so that another copy of the package recognises it too. */
export function sealPlan<N extends Namespaces>(plan: Plan<N>): Plan<N> {
  Object.defineProperty(plan, brand, { value: true })
  return Object.freeze(plan)
}

export function isPlan(value: unknown): value is Plan {
  return typeof value === 'object' && value !== null && brand in value
}
