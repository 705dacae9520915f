/** Bytes of live objects. Weak references and finalizers need a turn between two collections to be done. */
export async function heapUsed(): Promise<number> {
  for (let pass = 0; pass < 3; pass++) {
    globalThis.gc?.()
    await new Promise(resolve => setImmediate(resolve))
  }
  return process.memoryUsage().heapUsed
}
