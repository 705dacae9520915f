import { Redis } from 'ioredis-6'
import { addEvidence, type Evidence, readEvidence, resetEvidence } from './evidence.ts'
import { median } from './median.ts'
import { openSubject, type SubjectHandle } from './subject-handle.ts'
import { type SuiteName, suites } from './suites.ts'

/** How much is measured. */
export interface Effort {
  readonly rounds: number
  /** Of one slice: one subject at one number in flight in one round. */
  readonly seconds: number
  readonly inFlight: readonly number[]
}

/** One subject through one of its clients at one number of calls in flight. */
export interface Point {
  readonly case: string
  readonly subject: string
  readonly client: string
  readonly inFlight: number
  /** The median over the rounds. */
  readonly opsPerSecond: number
  /** (fastest − slowest) / median over the rounds. */
  readonly spread: number
  /** What the server counted during the measured slices. */
  readonly evidence: Evidence
  readonly operations: number
}

/**
 * Measures all subjects of a case beside each other: each round visits every subject at every number in flight, and
 * each round begins with another subject, so that a slow minute of the machine, or of the neighbour before, falls on
 * all alike. A first round warms up and is not counted.
 *
 * @throws when a call fails, or when the server's records say that a subject did less work than was asked
 */
export async function compare(
  suiteName: SuiteName,
  caseName: string,
  port: number,
  effort: Effort,
  progress: (message: string) => void,
): Promise<Point[]> {
  const suite = suites[suiteName]
  const server = new Redis(port, '127.0.0.1')
  const subjects: SubjectHandle[] = []
  const slices = new Map<string, { rates: number[]; evidences: Evidence[]; operations: number }>()
  const keyOf = (subject: SubjectHandle, inFlight: number) => `${subject.name} ${subject.client} ${inFlight}`
  try {
    for (const { name, clients } of suite.subjects) {
      for (const client of clients) {
        const database = subjects.length
        const url = `redis://127.0.0.1:${port}/${database}`
        subjects.push(await openSubject(suiteName, name, { url, database, client, case: caseName }))
      }
    }
    for (let round = 0; round <= effort.rounds; round++) {
      progress(round === 0 ? `${caseName}: warming up` : `${caseName}: round ${round} of ${effort.rounds}`)
      for (const inFlight of effort.inFlight) {
        for (let turn = 0; turn < subjects.length; turn++) {
          const subject = subjects[(turn + round) % subjects.length]!
          await resetEvidence(server)
          const { operations, seconds } = await subject.run(inFlight, effort.seconds)
          const evidence = await readEvidence(server)
          const complaint = suite.refute(evidence, operations, subject.name)
          if (complaint) throw new Error(`${subject.name} (${subject.client}) did not do the work: ${complaint}.`)
          if (round === 0) continue
          const slice = slices.get(keyOf(subject, inFlight)) ?? { rates: [], evidences: [], operations: 0 }
          slice.rates.push(operations / seconds)
          slice.evidences.push(evidence)
          slice.operations += operations
          slices.set(keyOf(subject, inFlight), slice)
        }
      }
    }
    for (const subject of subjects) {
      await server.select(subject.database)
      const complaint = await suite.refuteRemains(server, subject.operations())
      if (complaint) throw new Error(`${subject.name} (${subject.client}) left a wrong database: ${complaint}.`)
    }
    return subjects.flatMap(subject =>
      effort.inFlight.map(inFlight => {
        const { rates, evidences, operations } = slices.get(keyOf(subject, inFlight))!
        const opsPerSecond = median(rates)
        return {
          case: caseName,
          subject: subject.name,
          client: subject.client,
          inFlight,
          opsPerSecond,
          spread: (Math.max(...rates) - Math.min(...rates)) / opsPerSecond,
          evidence: addEvidence(evidences),
          operations,
        }
      }),
    )
  } finally {
    await Promise.all(subjects.map(subject => subject.close()))
    await server.flushall()
    server.disconnect()
  }
}
