/** Turns what is pushed, one at a time, into what is pulled: an async iterator takes each. */
export interface Handover<T> extends AsyncIterableIterator<T> {
  /** Resolves when the item was taken. */
  give(item: T): Promise<void> | undefined
  /** Ends the iteration, with the error if there is one. */
  end(error?: Error): void
}

/** @param left is called when the consumer stops iterating */
export function createHandover<T>(left: () => void): Handover<T> {
  let offered: { readonly item: T; readonly taken: () => void } | undefined
  const asking: { readonly resolve: (result: IteratorResult<T>) => void; readonly reject: (error: Error) => void }[] =
    []
  let over: { readonly error: Error | undefined } | undefined
  const done: IteratorResult<T> = { done: true, value: undefined }

  function end(error?: Error): void {
    over ??= { error }
    const first = over.error && asking.shift()
    if (first) {
      over = { error: undefined }
      first.reject(error as Error)
    }
    for (const { resolve } of asking.splice(0)) resolve(done)
  }

  const handover: Handover<T> = {
    give(item) {
      const asked = asking.shift()
      if (asked) {
        asked.resolve({ done: false, value: item })
        return undefined
      }
      if (over) return undefined
      return new Promise(taken => {
        offered = { item, taken }
      })
    },
    end,
    next() {
      if (offered) {
        const { item, taken } = offered
        offered = undefined
        taken()
        return Promise.resolve({ done: false, value: item })
      }
      if (over) {
        const { error } = over
        over = { error: undefined }
        return error ? Promise.reject(error) : Promise.resolve(done)
      }
      return new Promise((resolve, reject) => asking.push({ resolve, reject }))
    },
    return() {
      offered?.taken()
      offered = undefined
      end()
      left()
      return Promise.resolve(done)
    },
    [Symbol.asyncIterator]: () => handover,
  }
  return handover
}
