import { keepAlive } from './keep-alive.ts'

/** Turns what is pushed, one at a time, into what is pulled: an async iterator gives each. Who asks is waited for. */
export interface Handover<T> extends AsyncIterableIterator<T> {
  /** Resolves when the consumer is done with the item: it asks for the next one, or stops. */
  give(item: T): Promise<void>
  /** Ends the iteration, with the error if there is one. An item that was not taken is gone. */
  end(error?: Error): void
}

interface Asking<T> {
  readonly resolve: (result: IteratorResult<T>) => void
  readonly reject: (error: Error) => void
}

/** @param left is called when the consumer stops iterating */
export function createHandover<T>(left: () => void): Handover<T> {
  const asking: Asking<T>[] = []
  let offered: { readonly item: T } | undefined
  /** Says that the consumer is done with the item that it has, or that it will not get. */
  let release = () => {}
  let over: { error: Error | undefined } | undefined
  const done: IteratorResult<T> = { done: true, value: undefined }

  /** The error, once; then that it is over. */
  function ending(): Promise<IteratorResult<T>> {
    const { error } = over!
    over = { error: undefined }
    return error ? Promise.reject(error) : Promise.resolve(done)
  }

  function end(error?: Error): void {
    if (over) return
    over = { error }
    offered = undefined
    release()
    for (const { resolve, reject } of asking.splice(0)) ending().then(resolve, reject)
  }

  const handover: Handover<T> = {
    give(item) {
      if (over) return Promise.resolve()
      return new Promise(resolve => {
        release = resolve
        const asked = asking.shift()
        if (asked) asked.resolve({ done: false, value: item })
        else offered = { item }
      })
    },
    end,
    next() {
      if (offered) {
        const { item } = offered
        offered = undefined
        return Promise.resolve({ done: false, value: item })
      }
      if (over) return ending()
      release()
      const letGo = keepAlive()
      return new Promise<IteratorResult<T>>((resolve, reject) => asking.push({ resolve, reject })).finally(letGo)
    },
    return() {
      end()
      left()
      return Promise.resolve(done)
    },
    [Symbol.asyncIterator]: () => handover,
  }
  return handover
}
