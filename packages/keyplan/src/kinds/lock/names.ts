import { helperKey } from '../../plan/pattern/helper-key.ts'
import type { Pattern } from '../../plan/pattern/pattern.ts'

/** What stands beside a lock's key: the key of its last fence, and the channel on which its release is announced. */
export interface LockNames {
  fence(key: string): string
  wake(key: string): string
  /** The key of the last interval of this length that is done. */
  mark(key: string, lengthMs: number): string
}

export function lockNames({ tagged }: Pick<Pattern, 'tagged'>): LockNames {
  return {
    fence: key => helperKey(key, tagged, 'fence'),
    wake: key => helperKey(key, tagged, 'wake'),
    mark: (key, lengthMs) => helperKey(key, tagged, `once-${lengthMs}`),
  }
}
