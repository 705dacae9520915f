// Shared by the processes and the test that watches them. Runs on the build.
import { definePlan, rateLimit } from '../../dist/index.js'

/** Of each of two keys so many units are to be had; the windows outlive the test. */
export const longLimit = 300

/** In each window so many. */
export const shortLimit = 20
export const shortWindowMs = 250

const long = { limit: longLimit, window: '30d' }
const short = { limit: shortLimit, window: `${shortWindowMs}ms` }

export const limitPlan = definePlan('limits', {
  fixed: rateLimit('fixed:<id>', long),
  sliding: rateLimit('sliding:<id>', { ...long, algorithm: 'sliding-window' }),
  log: rateLimit('log:<id>', { ...long, algorithm: 'sliding-log' }),
  bucket: rateLimit('bucket:<id>', { ...long, algorithm: 'token-bucket' }),
  gcra: rateLimit('gcra:<id>', { ...long, algorithm: 'gcra' }),
  several: rateLimit('several:<id>', { limits: [long, { limit: 10_000, window: '60d' }], near: '1s' }),
  shortFixed: rateLimit('short-fixed:<id>', short),
  shortLog: rateLimit('short-log:<id>', { ...short, algorithm: 'sliding-log', near: '1s' }),
})
