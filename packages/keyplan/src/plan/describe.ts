import type { Json } from '../base/json.ts'
import type { Declaration, Durability, NamespaceOptions } from './declaration.ts'
import type { Plan } from './plan.ts'

/** A plan as plain JSON: what the tables of the docs, the console and every generated file read. */
export interface PlanDescription {
  readonly name: string
  readonly prefix: string
  readonly namespaces: readonly NamespaceDescription[]
  readonly warnings: readonly string[]
}

export interface NamespaceDescription {
  readonly name: string
  readonly kind: string
  /** With the plan's prefix. */
  readonly pattern: string
  readonly space: 'key' | 'channel'
  readonly params: readonly string[]
  readonly hashed: readonly string[]
  readonly tagged: boolean
  /** The SCAN glob of its keys. */
  readonly glob: string
  readonly durability: Durability
  readonly whenDown: string
  readonly doc: string | null
  readonly owner: string | null
  readonly budget: { readonly keys: number | null; readonly bytes: string | null }
  /** `minHitRatio`, `maxLag`, `maxPending` and `maxDepth`, as far as they are declared. */
  readonly figures: { readonly [name: string]: number }
  /** What the kind says of its own options. */
  readonly facts: { readonly [name: string]: Json }
}

const figureNames = ['minHitRatio', 'maxLag', 'maxPending', 'maxDepth'] as const

/** Describes a plan: namespaces in the order they are declared in, fields always in the same order. */
export function describe(plan: Plan): PlanDescription {
  const namespaces = Object.entries(plan.namespaces).map(([name, declaration]) => namespaceOf(plan, name, declaration))
  return { name: plan.name, prefix: plan.prefix, namespaces, warnings: [...plan.warnings] }
}

function namespaceOf(plan: Plan, name: string, declaration: Declaration): NamespaceDescription {
  const { kind, space, durability, whenDown, common, facts } = declaration
  const pattern = plan.patterns[name]!
  return {
    name,
    kind,
    pattern: pattern.source,
    space,
    params: [...pattern.params],
    hashed: [...(common.hashed ?? [])],
    tagged: pattern.tagged,
    glob: pattern.glob(),
    durability,
    whenDown,
    doc: common.doc ?? null,
    owner: common.owner ?? null,
    budget: { keys: common.budget?.keys ?? null, bytes: common.budget?.bytes ?? null },
    figures: figuresOf(common),
    facts: structuredClone(facts),
  }
}

function figuresOf(common: NamespaceOptions): Record<string, number> {
  return Object.fromEntries(figureNames.flatMap(name => (common[name] === undefined ? [] : [[name, common[name]]])))
}
