import type { Json } from '../../base/json.ts'
import { keepFacts } from '../../mechanisms/log/terms.ts'
import type { ChannelSettings } from './settings.ts'

/** What `describe` prints. */
export function factsOf({ codec, sharded, buffer, reliable }: ChannelSettings): { readonly [name: string]: Json } {
  return {
    value: codec?.name ?? null,
    sharded,
    reliable: reliable ? { keep: keepFacts(reliable) } : false,
    buffer: { count: buffer.count, bytes: buffer.bytes, drop: buffer.drop },
  }
}
