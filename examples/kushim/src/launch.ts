import { launch } from './launch/launch.ts'
import { findProblem } from './launch/problem.ts'
import { consoleLog } from './log.ts'

const ending = new AbortController()

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (!ending.signal.aborted) consoleLog('[Kushim] ending what was started …')
    ending.abort()
  })
}

try {
  const broken = await launch(process.env, consoleLog, ending.signal)
  consoleLog('[Kushim] stopped')
  process.exit(broken ? 1 : 0)
} catch (error) {
  const { message, exitCode } = findProblem(error)
  process.stderr.write(`[Kushim] ${message}\n`)
  process.exit(exitCode)
}
