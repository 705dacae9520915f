import { helperKey } from '../../plan/pattern/helper-key.ts'
import type { Pattern } from '../../plan/pattern/pattern.ts'

/** What lies beside a document: what is known of it, its earlier versions, and the channel of its changes. */
export interface DocumentNames {
  meta(key: string): string
  past(key: string): string
  changes(key: string): string
}

export function documentNames({ tagged }: Pick<Pattern, 'tagged'>): DocumentNames {
  return {
    meta: key => helperKey(key, tagged, 'version'),
    past: key => helperKey(key, tagged, 'history'),
    changes: key => helperKey(key, tagged, 'changes'),
  }
}
