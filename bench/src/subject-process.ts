import { bytesPerCall } from './allocation/bytes-per-call.ts'
import { closedLoop } from './closed-loop.ts'
import type { SubjectAnswer, SubjectRequest } from './subject-handle.ts'
import { suites } from './suites.ts'

/**
 * One subject in a process of its own, so that no subject runs on the heap, or on the machine code, that another
 * has left behind.
 */
const samples = 100

async function serve(request: Extract<SubjectRequest, { verb: 'open' }>): Promise<void> {
  const { expect, subjects } = suites[request.suite]
  const kind = subjects.find(({ name }) => name === request.subject)
  if (!kind) throw new Error(`The suite ${request.suite} has no subject ${request.subject}.`)
  const subject = await kind.open(request.surroundings)
  let next = 0
  for (; next < samples; next++) expect(await subject.run(next), next, request.surroundings.case)
  answer({ verb: 'opened', operations: samples })
  process.on('message', (message: SubjectRequest) => {
    if (message.verb === 'run') {
      closedLoop(subject.run, next, message.inFlight, message.seconds).then(result => {
        next += result.operations
        answer({ verb: 'ran', ...result })
      }, fail)
    }
    if (message.verb === 'weigh') {
      bytesPerCall(subject.run, next, message.inFlight).then(result => {
        next += result.operations
        answer({ verb: 'weighed', ...result })
      }, fail)
    }
    if (message.verb === 'close') subject.close().then(() => process.disconnect(), fail)
  })
}

function answer(message: SubjectAnswer): void {
  process.send?.(message)
}

function fail(error: unknown): void {
  answer({ verb: 'failed', message: error instanceof Error ? (error.stack ?? error.message) : String(error) })
}

process.once('message', (message: SubjectRequest) => {
  if (message.verb === 'open') serve(message).catch(fail)
})
