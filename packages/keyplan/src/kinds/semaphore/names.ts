import { helperKey } from '../../plan/pattern/helper-key.ts'
import type { Pattern } from '../../plan/pattern/pattern.ts'

/** What stands beside a semaphore's key. */
export interface SemaphoreNames {
  /** The key of its last fence. */
  fence(key: string): string
  /** The key of the number of permits, where it was set at run time. */
  limit(key: string): string
  /** The channel on which a release is announced. */
  wake(key: string): string
}

export function semaphoreNames({ tagged }: Pick<Pattern, 'tagged'>): SemaphoreNames {
  return {
    fence: key => helperKey(key, tagged, 'fence'),
    limit: key => helperKey(key, tagged, 'limit'),
    wake: key => helperKey(key, tagged, 'wake'),
  }
}
