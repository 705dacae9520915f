import type { Script } from '../../../redis/script.ts'
import type { LockScripts } from '../script-set.ts'
import { acquireScript } from './acquire-script.ts'
import { forceScript, inspectScript } from './oversight-scripts.ts'
import { extendScript, leaveScript, releaseScript, withdrawScript } from './release-scripts.ts'

/** What lies at the key is the owner with its fence, or `><channel>`: kept for the process that is next. */
export const mutexScripts: LockScripts = {
  acquire: acquireScript,
  extend: extendScript,
  release: releaseScript,
  withdraw: withdrawScript,
  leave: leaveScript,
  inspect: inspectScript,
  force: forceScript,
}

export const lockScripts = Object.values(mutexScripts) as readonly Script[]
