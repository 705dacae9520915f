import { helperKey } from '../../plan/pattern/helper-key.ts'
import type { Pattern } from '../../plan/pattern/pattern.ts'

/** What stands beside a lock's key, and where processes are told of locks. */
export interface LockNames {
  /** The key that counts its fences: one for all locks of the namespace where one server has all keys. */
  fence(key: string): string
  /** The key of those who wait for it: one for each process. */
  line(key: string): string
  /** The channel of one process, for all locks of the namespace. */
  wake(instance: string): string
  /** The channel on which a server of a quorum tells that its vote was given back. */
  freed(key: string): string
  /** The key of the last interval of this length that is done. */
  mark(key: string, lengthMs: number): string
}

/** @param alone one server has all keys */
export function lockNames(
  { tagged, stem, source }: Pick<Pattern, 'tagged' | 'stem' | 'source'>,
  alone = false,
): LockNames {
  return {
    fence: key => helperKey(alone ? source : key, tagged, 'fence'),
    line: key => helperKey(key, tagged, 'line'),
    wake: instance => `${stem}~wake:${instance}`,
    freed: key => helperKey(key, tagged, 'wake'),
    mark: (key, lengthMs) => helperKey(key, tagged, `once-${lengthMs}`),
  }
}

/** What a process is told: that a lock is kept for it; that one came free; or that one it holds was taken from it. */
export type LockNotice =
  | { readonly type: 'turn' | 'free'; readonly key: string }
  | { readonly type: 'forced'; readonly key: string; readonly fence: string }

export const freeOf = (key: string): string => `=${key}`

export const forcedOf = (fence: string, key: string): string => `-${fence}:${key}`

/** `+<key>`, `=<key>`, or `-<fence>:<key>`. Undefined for what no version of this library has said. */
export function readNotice(message: string): LockNotice | undefined {
  if (message.startsWith('+')) return { type: 'turn', key: message.slice(1) }
  if (message.startsWith('=')) return { type: 'free', key: message.slice(1) }
  const [, fence, key] = /^-(\d+):(.*)$/s.exec(message) ?? []
  return fence && key ? { type: 'forced', key, fence } : undefined
}
