import { createHash } from 'node:crypto'
import { helperKey } from '../../plan/pattern/helper-key.ts'
import type { Pattern } from '../../plan/pattern/pattern.ts'

/** What stands beside a stream's key, in the same slot. */
export interface StreamNames {
  /** Sorted set: what the group has been given and has not finished, by when it is due to be given out again. */
  open(key: string, group: string): string
  /** Hash: of what was given out more than once, how often, and why. */
  tries(key: string, group: string): string
  /** Hash: how far the group has read, so that it can be made again. */
  state(key: string, group: string): string
  /** Stream: what the group has given up. */
  dead(key: string, group: string): string
  /** What was appended under a key of its producer's, for as long as that is remembered. */
  appended(key: string, token: string): string
  /** What the group has done, by the key of its effect. */
  done(key: string, group: string, effect: string): string
}

export function streamNames({ tagged }: Pick<Pattern, 'tagged'>): StreamNames {
  const of = (part: string) => (key: string, group: string) => helperKey(key, tagged, `${part}:${group}`)
  // Keys of others are hashed: they may be long, and hold what no key may.
  const digest = (text: string) => createHash('sha256').update(text).digest('base64url')
  return {
    open: of('open'),
    tries: of('tries'),
    state: of('state'),
    dead: of('dead'),
    appended: (key, token) => helperKey(key, tagged, `appended:${digest(token)}`),
    done: (key, group, effect) => helperKey(key, tagged, `done:${group}:${digest(effect)}`),
  }
}
