import fc from 'fast-check'
import { expect } from 'vitest'
import type { Cache } from './cache.ts'
import { deferred } from './deferred.ts'

const who = fc.integer({ min: 0, max: 1 })
const which = fc.integer({ min: 0, max: 2 })
const action = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('begin' as const), who, which }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('finish' as const), who, which }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('read' as const), who, which }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), who, which, wait: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('set' as const), who, which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('invalidateTag' as const), who, which, wait: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('clear' as const), who, which, wait: fc.boolean() }) },
)

type Action = typeof action extends fc.Arbitrary<infer A> ? A : never

/**
 * Runs random interleavings of loads and changes over two clients against a model: a database whose rows have versions,
 * and for each row the oldest version that may still be read, raised whenever a change has been made and the
 * invalidation that goes with it is done.
 */
export async function raceLoadsAndInvalidations(
  open: () => Promise<readonly [Cache, Cache]>,
  tagOf: (id: string) => string | undefined,
  numRuns: number,
): Promise<void> {
  let run = 0
  const clients = await open()
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 40 }), async actions => {
      await race(clients, tagOf, `run${++run}`, actions)
    }),
    { numRuns },
  )
}

async function race(
  clients: readonly [Cache, Cache],
  tagOf: (id: string) => string | undefined,
  run: string,
  actions: readonly Action[],
): Promise<void> {
  const ids = ['a', 'b', 'c'].map(name => `${name}-${run}`)
  const rows = [1, 1, 1]
  const oldest = [1, 1, 1]
  const gates: ReturnType<typeof deferred<void>>[] = []
  const pending: Promise<unknown>[] = []
  function later(work: Promise<unknown>): void {
    work.catch(() => {})
    pending.push(work)
  }
  const all = [0, 1, 2]

  async function begin(client: Cache, row: number): Promise<void> {
    const bound = oldest[row]!
    const value = await client({ id: ids[row]! }).getOrLoad(async () => {
      const version = rows[row]!
      const gate = deferred<void>()
      gates.push(gate)
      await gate.promise
      return version
    })
    expect(value).toBeGreaterThanOrEqual(bound)
  }

  async function read(client: Cache, row: number): Promise<void> {
    const bound = oldest[row]!
    const value = await client({ id: ids[row]! }).get()
    if (value !== undefined) expect(value).toBeGreaterThanOrEqual(bound)
  }

  /** Changes rows, then runs the invalidation that goes with it. */
  async function change(affected: readonly number[], invalidate: () => Promise<unknown>): Promise<void> {
    const versions = affected.map(row => ++rows[row]!)
    await invalidate()
    for (const [index, row] of affected.entries()) oldest[row] = Math.max(oldest[row]!, versions[index]!)
  }

  for (const step of actions) {
    const client = clients[step.who]!
    const id = ids[step.which]!
    switch (step.do) {
      case 'begin':
        later(begin(client, step.which))
        break
      case 'finish':
        gates.splice(step.which, 1)[0]?.resolve()
        break
      case 'read':
        await read(client, step.which)
        break
      case 'set':
        await change([step.which], () => client({ id }).set(rows[step.which]))
        break
      default: {
        const tag = tagOf(id)
        const sharing = all.filter(row => tag !== undefined && tagOf(ids[row]!) === tag)
        const done = {
          delete: () => change([step.which], () => client({ id }).delete()),
          invalidateTag: () => change(sharing, async () => tag !== undefined && (await client.invalidateTag(tag))),
          clear: () => change(all, () => client.clear()),
        }[step.do]()
        later(done)
        if (step.wait) await done
      }
    }
  }
  // Loads that were begun may not have reached their gate yet.
  let settled = false
  const settling = Promise.all(pending).finally(() => {
    settled = true
  })
  while (!settled) {
    for (const gate of gates.splice(0)) gate.resolve()
    await Promise.race([settling, new Promise(resolve => setImmediate(resolve))])
  }
  await settling
  for (const row of all) for (const client of clients) await read(client, row)
}
