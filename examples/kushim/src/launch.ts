import { type Launched, launch } from './launch/launch.ts'
import { findProblem } from './launch/problem.ts'
import { consoleLog } from './log.ts'

let launched: Launched | undefined
let ending = false

async function end(exitCode: number): Promise<never> {
  await launched?.stop()
  process.exit(exitCode)
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (ending) return
    ending = true
    if (launched) {
      consoleLog('[Kushim] ending what was started …')
      end(0)
    }
  })
}

try {
  launched = await launch(process.env, consoleLog)
  if (ending) await end(0)
  const how = await launched.broken
  if (!ending) {
    ending = true
    consoleLog(`[Kushim] ${how}; ending the rest`)
    await end(1)
  }
} catch (error) {
  const { message, exitCode } = await findProblem(error)
  process.stderr.write(`[Kushim] ${message}\n`)
  process.exit(exitCode)
}
