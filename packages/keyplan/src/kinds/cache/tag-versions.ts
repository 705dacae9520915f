import type { Guarded } from '../../guard/guarded.ts'
import { createGather } from '../../mechanisms/gather.ts'
import type { Redis, Tracking } from '../../redis/redis.ts'
import type { Server } from '../kind.ts'
import type { FetchParts } from './fetch.ts'
import { batchSize, type Found } from './reads.ts'
import { createRecent } from './recent.ts'
import type { CacheStore, Version } from './store.ts'
import { createTraces } from './traces.ts'

/** The versions of tags that loaders named: which ones a value has is known only when it is there. */
export interface TagVersions {
  /** At once where all of them are known. */
  of(tags: readonly string[]): readonly (Version | null)[] | Promise<readonly (Version | null)[]>
  /** A change by this process: said when it is sent, and when it is done. */
  drop(tags: readonly string[]): void
  close(): void
}

/** The tags that loaders named, where a namespace lets them. */
export interface NamedTags {
  readonly versions: TagVersions
  /** Those that stand with a value. */
  by(found: Pick<Found, 'stored'>): readonly string[]
  /** Their versions where the value is from: in Redis, or in this process when that could not be asked. */
  of(
    found: Pick<Found, 'seen'>,
    tags: readonly string[],
  ): readonly (Version | null)[] | Promise<readonly (Version | null)[]>
}

/** @param redis undefined where there is no server that would tell of changes */
export function namedTags(
  {
    settings,
    form,
    names,
    steps,
    spare,
    lane,
  }: Pick<FetchParts, 'settings' | 'form' | 'names' | 'steps' | 'spare' | 'lane'>,
  redis: TagVersionParts['redis'],
): NamedTags | undefined {
  if (!settings.loaderTags) return undefined
  const versions = createTagVersions({ steps, lane, redis, prefix: names.tag('') })
  return {
    versions,
    by: ({ stored }) => form.namedBy(stored).map(names.tag),
    of: ({ seen }, tags) => (seen === undefined && spare ? spare.versions(undefined, tags) : versions.of(tags)),
  }
}

interface TagVersionParts {
  readonly steps: Pick<Guarded<CacheStore>, 'versions'>
  readonly lane: Server['lane']
  /** Undefined where there is no server that would tell of changes. */
  readonly redis: Pick<Redis, 'track'> | undefined
  /** What the names of all tags begin with. */
  readonly prefix: string
}

interface Known {
  readonly version: Version
  readonly mark: number
}

/** The most tags whose versions are remembered: forgetting one costs a trip. */
const mostTags = 10_000

/** Versions that were read once are known for as long as Redis tells which tags change (see `Tracking`). */
function createTagVersions({ steps, lane, redis, prefix }: TagVersionParts): TagVersions {
  const known = createRecent<Known>(mostTags)
  const changes = createTraces(mostTags)
  const tracking: Tracking | undefined = redis?.track([prefix], {
    invalidated: names => (names === null ? forget() : drop(names)),
    changed: ({ type }) => {
      if (type === 'lost') known.clear()
    },
  })

  const gather = createGather<string, Version | null>({
    max: batchSize,
    lane,
    key: tag => tag,
    async run(tags) {
      const marks = tags.map(tag => tracking?.mark(tag))
      const seen = changes.count
      const versions = await steps.versions(undefined, tags)
      for (const [index, tag] of tags.entries()) {
        const [mark, version] = [marks[index], versions[index]]
        const isCurrent = mark !== undefined && tracking?.mark(tag) === mark && changes.untouched(tag, seen)
        if (isCurrent && version !== null && version !== undefined) known.set(tag, { version, mark })
      }
      return versions
    },
  })

  function knownVersion(tag: string): Version | undefined {
    const found = known.get(tag)
    return found && tracking?.mark(tag) === found.mark ? found.version : undefined
  }

  function drop(tags: readonly string[]): void {
    changes.add(tags)
    for (const tag of tags) known.delete(tag)
  }

  function forget(): void {
    changes.forget()
    known.clear()
  }

  return {
    of(tags) {
      const versions = tags.map(knownVersion)
      if (versions.every(version => version !== undefined)) return versions as readonly Version[]
      return Promise.all(tags.map((tag, index) => versions[index] ?? gather.add(tag)))
    },
    drop,
    close: () => tracking?.close(),
  }
}
