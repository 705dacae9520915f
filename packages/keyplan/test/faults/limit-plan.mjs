// Shared by the processes and the test that watches them. Runs on the build.
import { definePlan, rateLimit } from '../../dist/index.js'

/** Of each of two keys so many units are to be had; the windows outlive the test. */
export const longLimit = 300

/** In each window so many. */
export const shortLimit = 20
export const shortWindowMs = 250

// A busy machine may keep a call from Redis: that must allow nothing.
const long = { limit: longLimit, window: '30d' }
const short = { limit: shortLimit, window: `${shortWindowMs}ms`, whenDown: 'deny' }
const strict = { ...long, whenDown: 'deny' }

export const limitPlan = definePlan('limits', {
  fixed: rateLimit('fixed:<id>', strict),
  sliding: rateLimit('sliding:<id>', { ...strict, algorithm: 'sliding-window' }),
  log: rateLimit('log:<id>', { ...strict, algorithm: 'sliding-log' }),
  bucket: rateLimit('bucket:<id>', { ...strict, algorithm: 'token-bucket' }),
  gcra: rateLimit('gcra:<id>', { ...strict, algorithm: 'gcra' }),
  several: rateLimit('several:<id>', {
    limits: [long, { limit: 10_000, window: '60d' }],
    near: '1s',
    whenDown: 'deny',
  }),
  shortFixed: rateLimit('short-fixed:<id>', short),
  shortLog: rateLimit('short-log:<id>', { ...short, algorithm: 'sliding-log', near: '1s' }),
})
