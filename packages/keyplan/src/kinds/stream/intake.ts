import { causeOf, unreadable } from './cause.ts'
import type { Cause, Delivery } from './delivery.ts'
import type { Held } from './held.ts'
import type { StreamSettings } from './settings.ts'
import type { WorkSettings } from './work-settings.ts'

/** What a delivery holds, as its worker has to know it; or why it cannot be known. */
export type Reading = Pick<Held, 'value' | 'order' | 'effect'> | { readonly cause: Cause }

/** Reads deliveries: what cannot be read never can, and is given up at once. */
export function createIntake(
  { codec, idempotency }: Pick<StreamSettings, 'codec' | 'idempotency'>,
  { orderBy }: Pick<WorkSettings, 'orderBy'>,
): (given: Delivery) => Reading {
  const named = (of: ((value: never) => unknown) | undefined, value: unknown) =>
    of === undefined ? undefined : String(of(value as never))
  return ({ id, origin, value: stored }) => {
    if (stored === undefined) return { cause: unreadable('the entry has no field named value') }
    try {
      const value = codec.decode(stored)
      const effect = idempotency && (named(idempotency.by, value) ?? origin ?? id)
      return { value, order: named(orderBy, value), effect }
    } catch (error) {
      return { cause: causeOf(error) }
    }
  }
}
