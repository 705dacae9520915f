import type { Redis } from 'ioredis-6'
import type { Evidence } from './evidence.ts'

/** One subject of one case, connected and seeded, ready to be measured. */
export interface Subject {
  /** Does the work of the case once. Calls with neighbouring numbers use different keys. Undefined and false mean failure. */
  run(i: number): Promise<unknown>
  close(): Promise<void>
}

/** Where a subject works. The database is its own: nothing else writes there. */
export interface Surroundings {
  readonly url: string
  readonly database: number
  /** One of the subject's `clients`. */
  readonly client: string
  readonly case: string
}

/** Something that is measured. */
export interface SubjectKind {
  /** The package's name; `ioredis-auto` for the auto-pipelined one. */
  readonly name: string
  /** The ways its makers let it talk to Redis. All are measured; the fastest at a point stands for the subject there. */
  readonly clients: readonly [string, ...string[]]
  open(surroundings: Surroundings): Promise<Subject>
}

/** Cases that do the same work through different subjects, and the proof that they did. */
export interface Suite {
  readonly cases: readonly string[]
  readonly subjects: readonly SubjectKind[]
  /** How many calls are kept going at once, unless the command says otherwise. */
  readonly inFlight: readonly number[]
  /** Refuses a result that is not what the case asked for. Called on some calls before anything is measured. */
  expect(result: unknown, i: number, name: string): void
  /** What is wrong with the server's own record of one slice of a subject, if anything. */
  refute(evidence: Evidence, operations: number, subject: string): string | undefined
  /** What is wrong with what a subject left in its database after `operations` calls, if anything. */
  refuteRemains(database: Redis, operations: number): Promise<string | undefined>
}
