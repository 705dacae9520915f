import { readEnvironment } from './environment.ts'
import { startInstance } from './instance.ts'
import { findProblem } from './launch/problem.ts'
import { consoleLog } from './log.ts'

try {
  const instance = await startInstance(readEnvironment(process.env), consoleLog)
  consoleLog(`[Kushim] listening on ${instance.url}`)
  process.send?.({ listening: instance.url })
  let closing = false
  const close = async () => {
    if (closing) return
    closing = true
    await instance.close()
    process.exit(0)
  }
  process.on('SIGINT', close)
  process.on('SIGTERM', close)
  // The launcher is gone.
  process.on('disconnect', close)
} catch (error) {
  const { message, exitCode } = await findProblem(error)
  process.stderr.write(`[Kushim] ${message}\n`)
  process.exit(exitCode)
}
