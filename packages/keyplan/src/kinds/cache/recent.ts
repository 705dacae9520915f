/** So many values by name. Beyond that the one goes that was set longest ago. */
export interface Recent<V> extends Pick<ReadonlyMap<string, V>, 'get' | 'size'> {
  /** Makes it the latest. */
  set(name: string, value: V): void
  delete(name: string): void
  clear(): void
}

/** @param letGo is told what goes since there are too many */
export function createRecent<V>(most: number, letGo: (value: V) => void = () => {}): Recent<V> {
  /** The oldest comes first. */
  const values = new Map<string, V>()
  return {
    get: name => values.get(name),
    get size() {
      return values.size
    },
    set(name, value) {
      values.delete(name)
      values.set(name, value)
      if (values.size <= most) return
      const [oldest] = values
      values.delete(oldest![0])
      letGo(oldest![1])
    },
    delete: name => void values.delete(name),
    clear: () => values.clear(),
  }
}
