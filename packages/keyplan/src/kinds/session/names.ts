import { helperKey } from '../../plan/pattern/helper-key.ts'
import type { Pattern } from '../../plan/pattern/pattern.ts'
import { nameOfId } from './id.ts'
import type { SessionSettings } from './settings.ts'

/** The keys of sessions, and what stands beside them. */
export interface SessionNames {
  key(id: string): string
  /** Names the session of a key without being a login. */
  nameOf(key: string): string
  /** The list of a user's sessions. Each user's is in a slot of its own. */
  user(user: string): string
  /** The channel on which the end of a session is announced. */
  wake(key: string): string
}

/** Of a SHA-256 as base64url. */
const hashLength = 43

export function sessionNames(
  pattern: Pick<Pattern, 'format' | 'match' | 'stem' | 'tagged'>,
  { param, hashed }: Pick<SessionSettings, 'param' | 'hashed'>,
): SessionNames {
  const key = (id: string) => pattern.format({ [param]: id })
  return {
    key,
    nameOf(text) {
      if (hashed) return text.slice(pattern.stem.length, pattern.stem.length + hashLength)
      return nameOfId(pattern.match(text)?.[param] ?? text)
    },
    user: user => helperKey(key(user), pattern.tagged, 'user'),
    wake: text => helperKey(text, pattern.tagged, 'wake'),
  }
}
