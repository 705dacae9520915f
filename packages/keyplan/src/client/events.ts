import { surfacing } from '../base/surfacing.ts'
import type { ClientEvents } from './client.ts'

/** Listeners by event name. One that throws does not keep the others from hearing; its error surfaces as uncaught. */
export interface Events {
  on<E extends keyof ClientEvents>(event: E, listener: (detail: ClientEvents[E]) => void): () => void
  tell<E extends keyof ClientEvents>(event: E, detail: ClientEvents[E]): void
}

export function createEvents(): Events {
  type Listener = (detail: never) => void
  const listeners = new Map<keyof ClientEvents, Set<Listener>>()
  return {
    on(event, listener) {
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
