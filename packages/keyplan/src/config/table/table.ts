import type { Kinds } from '../setting.ts'
import { application } from './application.ts'
import { kept } from './kept.ts'
import { links } from './links.ts'
import { patience } from './patience.ts'
import { quorum } from './quorum.ts'
import { server } from './server.ts'
import { tls } from './tls.ts'
import { topology } from './topology.ts'

/** Every setting there is, with every name it has. The environment, files, options and the docs are read by it. */
export const table = [...server, ...topology, ...quorum, ...tls, ...links, ...patience, ...application, ...kept]

type Row = (typeof table)[number]

export type Path = Row['path']

/** What the value of a setting is, once it is read. */
export type ValueAt<P extends Path> =
  Extract<Row, { path: P }> extends infer R
    ? R extends { choices: readonly (infer C)[] }
      ? C
      : R extends { kind: infer K extends keyof Kinds }
        ? Kinds[K]
        : never
    : never

/**
 * Settings that belong to one server: who names a server among the options of `connect` names these with it, and none
 * of them is taken from elsewhere, lest the password of one server be sent to another.
 */
export const ofServer: ReadonlySet<string> = new Set(
  [...server, ...topology, ...tls].map(({ path }): string => path).filter(path => path !== 'redis.enabled'),
)

/** What each of two servers may have of its own. */
export const ofRole: ReadonlySet<string> = new Set([...ofServer, 'redis.pool.links', 'redis.pool.size'])

/** Those that say where a server is. */
export const ofPlace: ReadonlySet<string> = new Set(
  [...server, ...topology]
    .map(({ path }): string => path)
    .filter(path =>
      /^redis\.(url|address|host|port|db|replicas\..*|sentinel\..*|cluster\..*|elasticache\..*)$/.test(path),
    ),
)
