import type { AnyAction } from './action.ts'
import { config } from './config.ts'
import { dev } from './dev.ts'
import { worker } from './worker.ts'

/** Everything the tools can do. */
export const actions: readonly AnyAction[] = [dev, config, worker]
