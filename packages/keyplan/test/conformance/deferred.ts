/** A result that a test gives when it wants to. */
export interface Deferred<T> {
  /** Each look at it counts as having been asked. */
  readonly promise: Promise<T>
  /** Resolves when someone has asked for the result. */
  asked(): Promise<void>
  resolve(value: T): void
  reject(error: unknown): void
}

export function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  let ask!: () => void
  const promise = new Promise<T>((accept, refuse) => {
    resolve = accept
    reject = refuse
  })
  const asked = new Promise<void>(accept => {
    ask = accept
  })
  return {
    get promise() {
      ask()
      return promise
    },
    asked: () => asked,
    resolve,
    reject,
  }
}
