import { appendOnceScript, appendScript } from './append-scripts.ts'
import { buryScript, claimScript, doneScript, extendScript, postponeScript, reclaimScript } from './delivery-scripts.ts'
import { inspectScript, leaveScript, lettersScript, redriveScript, sweepScript } from './group-scripts.ts'
import { renewScript } from './renew-script.ts'
import { takeScript } from './take/script.ts'

/** Loaded on every link of a plan that has streams. */
export const streamScripts = [
  appendScript,
  appendOnceScript,
  takeScript,
  claimScript,
  doneScript,
  postponeScript,
  reclaimScript,
  buryScript,
  extendScript,
  renewScript,
  sweepScript,
  leaveScript,
  inspectScript,
  lettersScript,
  redriveScript,
]
