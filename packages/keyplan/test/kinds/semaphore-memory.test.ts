import { expect, test } from 'vitest'
import { handClock } from '../../src/base/clock.ts'
import { createBareGuard } from '../../src/guard/guard.ts'
import { guarded } from '../../src/guard/guarded.ts'
import { semaphore } from '../../src/kinds/semaphore/contract.ts'
import { openSemaphores } from '../../src/kinds/semaphore/handle.ts'
import { createMemorySemaphoreStore } from '../../src/kinds/semaphore/memory.ts'
import { semaphoreNames } from '../../src/kinds/semaphore/names.ts'
import { semaphoreOperations } from '../../src/kinds/semaphore/store.ts'
import { createClaim } from '../../src/mechanisms/lease/claim.ts'
import { localWake } from '../../src/mechanisms/wake.ts'
import { parsePattern } from '../../src/plan/pattern/parse.ts'
import { declared, type SemaphoreHarness, semaphoreConformance } from '../conformance/semaphore.ts'

const pattern = parsePattern('sem:<id>')
const names = semaphoreNames(pattern)

/** Clients of one store in one process, on a clock that stands still. */
function memoryHarness(): SemaphoreHarness {
  const clock = handClock()
  const wake = localWake()
  const store = createMemorySemaphoreStore(names, wake, clock)
  let clients = 0
  return {
    store,
    async client(options) {
      const { client, close } = openSemaphores(
        semaphore('sem:<id>', { ...declared, ...options }).options,
        guarded('semaphores', store, semaphoreOperations, createBareGuard()),
        wake,
        names,
        { name: 'semaphores', pattern, clock, instance: `client-${++clients}`, notify: () => {} },
      )
      return { semaphores: client, close }
    },
    call: (remainingMs = 5_000) => ({ expires: clock.now() + remainingMs, hold: true, written: 0 }),
    advance: ms => clock.advance(ms),
    close: async () => {},
  }
}

semaphoreConformance('memory', async () => memoryHarness())

test('what is taken leaves with its time to live, and a full memory refuses', async () => {
  const clock = handClock()
  const store = createMemorySemaphoreStore(names, localWake(), clock, 2)
  const call = () => ({ expires: clock.now() + 1_000, hold: true, written: 0 })
  const take = (owner: string, ttlMs = 1_000) =>
    store.acquire(call(), { key: `sem:${owner}`, claim: createClaim(owner), permits: 1 }, 3, ttlMs)
  await take('one', 500)
  await take('two')
  await expect(take('three')).rejects.toMatchObject({ code: 'OVERLOADED', outcome: 'not-executed' })
  await clock.advance(501)
  expect(await take('three')).toMatchObject({ granted: true })
})

test('what is wrong with a declaration is told all at once', () => {
  const { problems } = semaphore('sem:<id>', { permits: 0, ttl: '5ms', renew: 1, retri: 2 } as never)
  expect(problems).toEqual([
    'retri is not an option; did you mean retry?',
    'permits is 0; it must be a whole number from 1 to 1000',
    'ttl is 5ms; a permit lives for 100ms to 7d, and is renewed while it is held',
    'renew is 1; write true or false',
  ])
})
