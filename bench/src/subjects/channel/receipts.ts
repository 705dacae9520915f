/** How many listen in a case. */
export const listenersOf = (caseName: string) => (caseName.endsWith('100 listeners') ? 100 : 1)

/** Waits for messages to come back, by their number. */
export interface Receipts {
  /** Resolves with true when every listener has received it. */
  expect(i: number): Promise<boolean>
  received(i: number): void
}

export function createReceipts(listeners: number): Receipts {
  const waiting = new Map<number, { left: number; readonly resolve: (done: boolean) => void }>()
  return {
    expect: i => new Promise(resolve => waiting.set(i, { left: listeners, resolve })),
    received(i) {
      const receipt = waiting.get(i)
      if (!receipt || --receipt.left > 0) return
      waiting.delete(i)
      receipt.resolve(true)
    },
  }
}
