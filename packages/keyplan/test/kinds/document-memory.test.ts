import { expect, test } from 'vitest'
import { handClock } from '../../src/base/clock.ts'
import { createBareGuard } from '../../src/guard/guard.ts'
import { guarded } from '../../src/guard/guarded.ts'
import { document } from '../../src/kinds/document/contract.ts'
import { openDocuments } from '../../src/kinds/document/handle.ts'
import { createMemoryDocumentStore, localChanges } from '../../src/kinds/document/memory.ts'
import { documentOperations } from '../../src/kinds/document/store.ts'
import { localWake } from '../../src/mechanisms/wake.ts'
import { parsePattern } from '../../src/plan/pattern/parse.ts'
import { type DocumentHarness, declared, documentConformance } from '../conformance/document.ts'

const pattern = parsePattern('doc:<id>')

/** Clients of one process, on a clock that stands still. What is declared anew shares no documents. */
function memoryHarness(): DocumentHarness {
  const clock = handClock()
  const stores = new Map<string, ReturnType<typeof createMemoryDocumentStore>>()
  const wake = localWake()
  let clients = 0
  return {
    async client(options = {}) {
      const settings = document('doc:<id>', { ...declared, ...options }).options
      const name = JSON.stringify(settings)
      const store = stores.get(name) ?? createMemoryDocumentStore(settings, wake, clock)
      stores.set(name, store)
      const steps = guarded('boards', store, documentOperations, createBareGuard())
      const surroundings = { name: 'boards', pattern, clock, instance: `client-${++clients}`, notify: () => {} }
      const { client, close } = openDocuments(settings, steps, localChanges(wake), surroundings)
      return { boards: client, close }
    },
    advance: ms => clock.advance(ms),
    close: async () => {},
  }
}

documentConformance('memory', async () => memoryHarness())

test('an update within an update of the same document holds up nobody for ever', async () => {
  const harness = memoryHarness()
  const { boards } = await harness.client()
  const id = 'a'
  let depth = 0
  const outer = boards({ id }).update(async () => {
    if (depth++ === 0) await boards({ id }).update(() => ({ count: 1 }))
    return { count: 2 }
  })
  let over = false
  void outer.finally(() => {
    over = true
  })
  while (!over) await harness.advance(500)
  expect((await outer).value).toEqual({ count: 2 })
  expect(depth).toBe(2)
})

test('a store that keeps all it may refuses another document, and no change of one that it has', async () => {
  const store = createMemoryDocumentStore(
    { ttlMs: undefined, renew: true, history: 0 },
    localWake(),
    handClock(),
    undefined,
    1,
  )
  const call = { expires: Number.POSITIVE_INFINITY, hold: true, written: 0 }
  const write = (id: string) => ({ id, value: '1', expected: undefined, unanswered: new Set<never>() })
  await store.write(call, 'a', write('1'))
  await expect(store.write(call, 'b', write('2'))).rejects.toMatchObject({ code: 'OVERLOADED' })
  expect(await store.write(call, 'a', write('3'))).toMatchObject({ done: true })
})
