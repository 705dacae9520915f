import type { Setting } from '../setting.ts'

/** Servers beside the one that is meant. */
export const quorum = [
  {
    path: 'servers.quorum',
    kind: 'servers',
    option: 'servers.quorum',
    env: { REDIS_QUORUM_NODES: { of: ['keyplan'] } },
    means: 'three or more servers that know nothing of each other, for locks that most of them vote for',
  },
] as const satisfies readonly Setting[]
