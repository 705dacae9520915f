import { countScript } from './finding/count-script.ts'
import { findScript, getScript } from './finding/find-scripts.ts'
import { pickScript } from './finding/pick-script.ts'
import { beatScript } from './membership/beat-script.ts'
import { leaveScript } from './membership/leave-script.ts'
import { putScript } from './membership/put-script.ts'

/** Loaded on every link of a plan that has registries. */
export const registryScripts = [putScript, beatScript, leaveScript, findScript, pickScript, getScript, countScript]
