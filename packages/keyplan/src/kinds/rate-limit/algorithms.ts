import type { Algorithm } from './algorithm.ts'
import { fixedWindow } from './fixed-window.ts'
import { gcra } from './gcra.ts'
import type { RateLimitAlgorithm } from './policy.ts'
import { slidingLog } from './sliding-log.ts'
import { slidingWindow } from './sliding-window.ts'
import { tokenBucket } from './token-bucket.ts'

/** Every algorithm: a new one is a file and a row here. */
export const algorithms: Readonly<Record<RateLimitAlgorithm, Algorithm>> = {
  'fixed-window': fixedWindow as Algorithm,
  'sliding-window': slidingWindow as Algorithm,
  'sliding-log': slidingLog as Algorithm,
  'token-bucket': tokenBucket as Algorithm,
  gcra: gcra as Algorithm,
}
