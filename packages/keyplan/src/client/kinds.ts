import { cacheKind } from '../kinds/cache/kind.ts'
import type { Kind } from '../kinds/kind.ts'
import { lockKind } from '../kinds/lock/kind.ts'
import { rateLimitKind } from '../kinds/rate-limit/kind.ts'
import { streamKind } from '../kinds/stream/kind.ts'

/** Every kind the client can open: a new one is a folder and a row here. */
const rows = [cacheKind, lockKind, rateLimitKind, streamKind] as unknown as readonly Kind[]

export const kinds: ReadonlyMap<string, Kind> = new Map(rows.map(row => [row.kind, row]))
