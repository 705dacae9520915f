interface Watch {
  readonly listeners: Set<() => void>
  readonly tell: () => void
}

const watches = new WeakMap<AbortSignal, Watch>()

/**
 * Calls `listener` once when the signal fires, until the returned function is called. However many listen, the signal
 * itself has one listener: Node warns of a leak at eleven, and a request's signal may be given to any number of calls.
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  const watch = watches.get(signal) ?? watchSignal(signal)
  watch.listeners.add(listener)
  return () => {
    watch.listeners.delete(listener)
    if (watch.listeners.size > 0 || watches.get(signal) !== watch) return
    watches.delete(signal)
    signal.removeEventListener('abort', watch.tell)
  }
}

function watchSignal(signal: AbortSignal): Watch {
  const listeners = new Set<() => void>()
  const tell = () => {
    for (const listener of listeners) listener()
  }
  const watch = { listeners, tell }
  watches.set(signal, watch)
  signal.addEventListener('abort', tell, { once: true })
  return watch
}
