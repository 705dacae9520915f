import { guarded } from '../../guard/guarded.ts'
import { createLocalServer } from '../../mechanisms/log/local.ts'
import { readerOf } from '../../mechanisms/log/reader.ts'
import { createRedisLog } from '../../mechanisms/log/redis-log.ts'
import { appendScript } from '../../mechanisms/log/scripts.ts'
import type { Kind } from '../kind.ts'
import type { FeedDeclaration } from './contract.ts'
import { openFeeds } from './handle.ts'
import { feedOperations } from './store.ts'

export const feedKind: Kind<FeedDeclaration> = {
  kind: 'feed',
  scripts: [appendScript],
  open({ options: settings }, surroundings) {
    const { name, clock, server, bare, local = createLocalServer(clock) } = surroundings
    const encoding = settings.codec.binary ? 'bytes' : 'text'
    if (!server) {
      return openFeeds(settings, guarded(name, local.log, feedOperations, bare), local.news, surroundings)
    }
    const log = createRedisLog(server.redis, encoding)
    const steps = guarded(name, log, feedOperations, server.guard)
    return openFeeds(settings, steps, readerOf(server.redis, clock, encoding), surroundings)
  },
}
