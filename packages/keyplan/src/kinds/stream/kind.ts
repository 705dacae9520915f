import type { Kind } from '../kind.ts'
import type { StreamDeclaration } from './contract.ts'
import { openStreams } from './handle.ts'
import { createMemoryStreamStore } from './memory.ts'
import { streamNames } from './names.ts'
import { createRedisStreamStore } from './redis.ts'
import { streamScripts } from './scripts.ts'

export const streamKind: Kind<StreamDeclaration> = {
  kind: 'stream',
  scripts: streamScripts,
  open({ options }, surroundings) {
    const { pattern, server, clock } = surroundings
    const store = server
      ? createRedisStreamStore(server.redis, streamNames(pattern), options)
      : createMemoryStreamStore(options, clock)
    return openStreams(options, store, surroundings)
  },
}
