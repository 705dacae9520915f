/** What an entry holds: about what a webhook's envelope does. */
export interface Entry {
  readonly i: number
  readonly event: string
  readonly deliveryId: string
  readonly repository: string
}

export const entryOf = (i: number): Entry => ({
  i,
  event: 'pull_request',
  deliveryId: `72d3162e-cc78-11e3-81ab-4c9367dc0958-${i}`,
  repository: 'developer-mesh/developer-mesh',
})

/** Resolves calls when the entry that they append was handled. */
export function createArrivals(append: (i: number) => Promise<unknown>) {
  const waiting = new Map<number, (i: number) => void>()
  return {
    async run(i: number): Promise<boolean> {
      const handled = new Promise<number>(resolve => {
        waiting.set(i, resolve)
      })
      await append(i)
      return (await handled) === i
    },
    arrived(i: number) {
      waiting.get(i)?.(i)
      waiting.delete(i)
    },
  }
}

export const mostEntries = 100_000
export const batch = 100
