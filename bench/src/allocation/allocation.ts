import { Redis } from 'ioredis-6'
import { openSubject } from '../subject-handle.ts'
import { type SuiteName, suites } from '../suites.ts'
import { table } from '../table.ts'
import { roomyHeap } from './bytes-per-call.ts'

/** One case of each suite that is on the way of every request. */
const cases: readonly (readonly [SuiteName, string])[] = [
  ['cache', 'get 100 B JSON'],
  ['near', 'getOrLoad 100 B JSON'],
  ['rate-limit', 'consume fixed window'],
  ['lock', 'acquire+release uncontended'],
  ['session', 'use session'],
]

const inFlight = [1, 100] as const

/** Bytes that each subject takes of its heap for a call, which is what its garbage collector has to do. */
export async function measureAllocation(port: number, progress: (text: string) => void): Promise<string> {
  const rows: string[][] = []
  const server = new Redis(port, '127.0.0.1')
  for (const [suite, name] of cases) {
    for (const { name: subject, clients } of suites[suite].subjects) {
      for (const client of clients) {
        progress(`allocation: ${name}, ${subject} over ${client}`)
        const surroundings = { url: `redis://127.0.0.1:${port}/0`, database: 0, client, case: name }
        const handle = await openSubject(suite, subject, surroundings, roomyHeap)
        const bytes: number[] = []
        for (const count of inFlight) bytes.push(await handle.weigh(count))
        await handle.close()
        rows.push([`${name}: ${subject} over ${client}`, ...bytes.map(one => Math.round(one).toString())])
        await server.flushall()
      }
    }
  }
  server.disconnect()
  return table(['bytes of the heap for a call', ...inFlight.map(count => `${count} in flight`)], rows)
}
