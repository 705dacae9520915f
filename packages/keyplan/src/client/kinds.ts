import { cacheKind } from '../kinds/cache/kind.ts'
import { channelKind } from '../kinds/channel/kind.ts'
import { documentKind } from '../kinds/document/kind.ts'
import { feedKind } from '../kinds/feed/kind.ts'
import type { Kind } from '../kinds/kind.ts'
import { lockKind } from '../kinds/lock/kind.ts'
import { readWriteLockKind } from '../kinds/lock/read-write/kind.ts'
import { onceKind } from '../kinds/once/kind.ts'
import { rateLimitKind } from '../kinds/rate-limit/kind.ts'
import { semaphoreKind } from '../kinds/semaphore/kind.ts'
import { sessionKind } from '../kinds/session/kind.ts'
import { streamKind } from '../kinds/stream/kind.ts'

/** Every kind the client can open: a new one is a folder and a row here. */
const rows = [
  cacheKind,
  channelKind,
  documentKind,
  feedKind,
  lockKind,
  onceKind,
  rateLimitKind,
  readWriteLockKind,
  semaphoreKind,
  sessionKind,
  streamKind,
] as unknown as readonly Kind[]

export const kinds: ReadonlyMap<string, Kind> = new Map(rows.map(row => [row.kind, row]))
