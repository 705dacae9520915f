import type { Guarded } from '../../guard/guarded.ts'
import { createGather } from '../../mechanisms/gather.ts'
import type { Server } from '../kind.ts'
import { batchSize, type Found, type Question } from './reads.ts'
import type { Basis, CacheStore } from './store.ts'

/**
 * What the loads of a process are based on: what their miss saw, and one more trip, shared by the misses of a tick,
 * where the count or a tag is not tracked yet. Undefined when Redis cannot be asked.
 */
export function createBases(
  steps: Pick<Guarded<CacheStore>, 'track' | 'epoch'>,
  lane: Server['lane'],
  loaderTags: boolean,
): (question: Question, miss: Found) => Basis | Promise<Basis | undefined> | undefined {
  const gather = createGather<Question, Basis | undefined>({
    max: batchSize,
    lane: lane && (({ key }) => lane(key)),
    key: question => question.key,
    async run(questions) {
      const tags = [...new Set(questions.flatMap(question => question.tags))]
      // A load is answered all the same; it is not stored then.
      const keys = questions.map(({ key }) => key)
      const [basis, epoch] = await Promise.all([
        steps.track(undefined, keys, tags).catch(() => undefined),
        loaderTags ? steps.epoch(undefined).catch(() => undefined) : undefined,
      ])
      const places = new Map(tags.map((tag, index) => [tag, index]))
      return questions.map(
        (question, index) =>
          basis && { seen: basis.seen[index]!, tags: question.tags.map(tag => basis.tags[places.get(tag)!]!), epoch },
      )
    },
  })

  return (question, { seen, tags }) => {
    if (seen === undefined) return undefined
    if (seen === null || loaderTags || tags.includes(null)) return gather.add(question)
    return { seen, tags: tags as readonly string[] }
  }
}
