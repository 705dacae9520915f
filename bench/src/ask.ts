import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'

interface Failure {
  readonly verb: 'failed'
  readonly message: string
}

/** Asks a forked process, and gives what it answers. @throws what it says went wrong */
export async function ask<Answer extends { readonly verb: string }>(
  child: ChildProcess,
  request: object,
): Promise<Exclude<Answer, Failure>> {
  const answered = once(child, 'message')
  child.send(request)
  const [answer] = (await answered) as [Answer | Failure]
  if (answer.verb === 'failed') {
    child.kill()
    throw new Error(`A process of the benchmark failed: ${(answer as Failure).message}`)
  }
  return answer as Exclude<Answer, Failure>
}
