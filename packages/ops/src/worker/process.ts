// The process that runs the handlers of a module. `keyplan worker` starts it and watches over it.
import { complaintOf } from '../cli/complaint.ts'
import { loadDefault } from '../module/load-module.ts'
import { isWorkerDefinition } from './definition.ts'
import { beginShift, type Shift } from './shift.ts'
import type { Assignment, EndRequest, Told } from './snapshot.ts'

/** How often it tells its supervisor how it stands, in milliseconds. */
const tellEvery = 250

const { file, folder, graceMs } = JSON.parse(process.argv[2] ?? '{}') as Assignment

/** What was not yet taken from the channel is not added to: a supervisor may be frozen. */
let underWay = false

function tell(told: Told, sent: () => void = () => {}): void {
  if (!process.connected) sent()
  else {
    underWay = true
    process.send!(told, () => {
      underWay = false
      sent()
    })
  }
}

/** A module may have opened what would keep the process from ending. */
function leave(code: number): void {
  if (process.connected) process.disconnect()
  process.exit(code)
}

let shift: Shift | undefined
let isEnding = false

function end(): void {
  if (isEnding) return
  isEnding = true
  const ended = shift?.end(graceMs) ?? Promise.resolve()
  ended.then(
    () => leave(0),
    error => {
      console.error(error)
      leave(1)
    },
  )
}

process.on('message', ({ type }: EndRequest) => {
  if (type === 'end') end()
})
// Who stops a service may tell all of its processes.
process.on('SIGTERM', end)
process.on('SIGINT', () => {})
process.on('disconnect', end)

try {
  const definition = await loadDefault(file, folder, {
    what: 'the worker',
    remedy: 'export default defineWorker(plan, { work: … })',
    code: 'PLAN_INVALID',
    is: isWorkerDefinition,
  })
  shift = await beginShift(definition)
  const { snapshot } = shift
  tell({ type: 'standing', snapshot })
  setInterval(() => {
    if (!underWay && shift) tell({ type: 'standing', snapshot: shift.snapshot })
  }, tellEvery).unref()
} catch (error) {
  tell({ type: 'failed', complaint: complaintOf(error) }, () => leave(complaintOf(error).exitCode))
}
