import type { KeyplanError } from '../../base/error.ts'
import type { Reading, Saved, SessionStore } from './store.ts'

/** A store whose answers say that it stands in for Redis. */
export function degrading(store: SessionStore): SessionStore {
  return {
    ...store,
    touch: async (call, keys, touching) => (await store.touch(call, keys, touching)).map(reading),
    look: async (call, keys) => (await store.look(call, keys)).map(reading),
    create: async (call, key, draft) => saved(await store.create(call, key, draft)),
    save: async (call, key, version, draft) => saved(await store.save(call, key, version, draft)),
    move: async (call, key, to, draft, ending) => saved(await store.move(call, key, to, draft, ending)),
  }
}

const reading = (one: Reading | KeyplanError) => (one instanceof Error ? one : { ...one, degraded: true as const })
const saved = (one: Saved): Saved => (one.is === 'saved' ? { ...one, degraded: true } : one)
