import { KeyplanError, kindOf } from '../base/error.ts'
import { likely } from '../base/likely.ts'
import { surfacing } from '../base/surfacing.ts'
import type { ClientEvents } from './client.ts'

/** Listeners by event name. `on` throws PARAM_INVALID for what is no event or no function. A listener that throws does not keep the others from hearing; its error surfaces as uncaught. */
export interface Events {
  on<E extends keyof ClientEvents>(event: E, listener: (detail: ClientEvents[E]) => void): () => void
  tell<E extends keyof ClientEvents>(event: E, detail: ClientEvents[E]): void
}

const eventNames: Readonly<Record<keyof ClientEvents, true>> = {
  connected: true,
  reconnecting: true,
  unreachable: true,
  breaker: true,
  failover: true,
  gap: true,
  degraded: true,
  notice: true,
}

export function createEvents(): Events {
  type Listener = (detail: never) => void
  const listeners = new Map<keyof ClientEvents, Set<Listener>>()
  return {
    on(event, listener) {
      const meant = eventNames[event] ? undefined : likely(String(event), Object.keys(eventNames))
      if (!eventNames[event]) {
        const hint = meant ? `; did you mean ${meant}?` : `; there are ${Object.keys(eventNames).join(', ')}`
        throw new KeyplanError('PARAM_INVALID', `$on() was given '${String(event)}', which is no event${hint}`)
      }
      if (typeof listener !== 'function') {
        throw new KeyplanError('PARAM_INVALID', `$on() was given ${kindOf(listener)} for a listener; give a function`)
      }
      const set = listeners.get(event) ?? new Set()
      listeners.set(event, set.add(listener))
      return () => set.delete(listener)
    },
    tell(event, detail) {
      for (const listener of listeners.get(event) ?? []) {
        surfacing(() => listener(detail as never))
      }
    },
  }
}
