import { readEnvironment } from './environment.ts'
import { startInstance } from './instance.ts'
import { findProblem } from './launch/problem.ts'
import { consoleLog } from './log.ts'

/** Started by the launcher, which has the last word. */
const launched = process.send !== undefined

try {
  const instance = await startInstance(readEnvironment(process.env), consoleLog)
  consoleLog(`[Kushim] listening on ${instance.url}`)
  process.send?.({ listening: instance.url })
  let closing = false
  const close = async () => {
    if (closing) return
    closing = true
    await instance.close()
    if (!launched) consoleLog('[Kushim] stopped')
    process.exit(0)
  }
  process.on('SIGINT', close)
  process.on('SIGTERM', close)
  // The launcher is gone.
  process.on('disconnect', close)
} catch (error) {
  const { message, exitCode } = findProblem(error)
  process.stderr.write(`[Kushim] ${message}\n`)
  process.exit(exitCode)
}
