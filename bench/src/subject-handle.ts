import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { LoopResult } from './closed-loop.ts'
import type { Surroundings } from './subject.ts'
import type { SuiteName } from './suites.ts'

/** What is said to a subject's process. */
export type SubjectRequest =
  | { verb: 'open'; suite: SuiteName; subject: string; surroundings: Surroundings }
  | { verb: 'run'; inFlight: number; seconds: number }
  | { verb: 'weigh'; inFlight: number }
  | { verb: 'close' }

/** What it says back, one answer for each `open` and `run`. */
export type SubjectAnswer =
  | { verb: 'opened'; operations: number }
  | ({ verb: 'ran' } & LoopResult)
  | { verb: 'weighed'; bytes: number; operations: number }
  | { verb: 'failed'; message: string }

/** A subject in its own process. */
export interface SubjectHandle {
  readonly name: string
  readonly client: string
  readonly database: number
  /** How many calls it has made, those outside measured slices included. */
  operations(): number
  /** @throws when any of the calls fails */
  run(inFlight: number, seconds: number): Promise<LoopResult>
  /**
   * Bytes of the heap that a call takes for a while.
   *
   * @throws when any of the calls fails
   */
  weigh(inFlight: number): Promise<number>
  close(): Promise<void>
}

/** Starts, connects and seeds a subject, and has it checked that its results are right. */
export async function openSubject(
  suite: SuiteName,
  subject: string,
  surroundings: Surroundings,
  execArgv: readonly string[] = [],
): Promise<SubjectHandle> {
  const child = fork(fileURLToPath(new URL('./subject-process.js', import.meta.url)), { execArgv: [...execArgv] })
  const exited = once(child, 'exit')
  const ask = async (request: SubjectRequest): Promise<Exclude<SubjectAnswer, { verb: 'failed' }>> => {
    const gone = exited.then(([code]) => {
      throw new Error(`The process of ${subject} (${surroundings.client}) ended with code ${code}.`)
    })
    const answered = once(child, 'message')
    child.send(request)
    const [answer] = (await Promise.race([answered, gone])) as [SubjectAnswer]
    if (answer.verb === 'failed') {
      child.kill()
      throw new Error(`${subject} (${surroundings.client}) failed: ${answer.message}`)
    }
    return answer
  }

  const opened = await ask({ verb: 'open', suite, subject, surroundings })
  let operations = opened.operations
  return {
    name: subject,
    client: surroundings.client,
    database: surroundings.database,
    operations: () => operations,
    async run(inFlight, seconds) {
      const answer = await ask({ verb: 'run', inFlight, seconds })
      if (answer.verb !== 'ran') throw new Error(`${subject} answered ${answer.verb} to run.`)
      operations += answer.operations
      return answer
    },
    async weigh(inFlight) {
      const answer = await ask({ verb: 'weigh', inFlight })
      if (answer.verb !== 'weighed') throw new Error(`${subject} answered ${answer.verb} to weigh.`)
      operations += answer.operations
      return answer.bytes
    },
    async close() {
      if (child.connected) child.send({ verb: 'close' } satisfies SubjectRequest)
      await exited
    },
  }
}
