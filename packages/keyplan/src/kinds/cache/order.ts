/** Keeps what is asked of a key behind a write of it that takes more than one step. */
export interface Order {
  /** Runs the write once the key's earlier ones are over. */
  behind(key: string, write: () => Promise<void>): Promise<void>
  /** Undefined at once where nothing is under way, so that what follows is sent in the same tick. */
  settled(keys: readonly string[]): Promise<unknown> | undefined
}

export function createOrder(): Order {
  const underWay = new Map<string, Promise<void>>()
  return {
    behind(key, write) {
      const earlier = underWay.get(key)
      const done = earlier ? earlier.then(write, write) : write()
      underWay.set(key, done)
      const forget = () => {
        if (underWay.get(key) === done) underWay.delete(key)
      }
      done.then(forget, forget)
      return done
    },
    settled(keys) {
      if (underWay.size === 0) return undefined
      const pending = keys.flatMap(key => underWay.get(key) ?? [])
      return pending.length === 0 ? undefined : Promise.allSettled(pending)
    },
  }
}
