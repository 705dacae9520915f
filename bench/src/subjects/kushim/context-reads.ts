import { startRedis } from '@keyplan/local'
import type { Subject, SubjectKind } from '../../subject.ts'
import { type Instance, startInstance } from './instance.ts'

const user = 'bench'
const recordCount = 200
/** How many records share a tag, and so stand in each other's context. */
const groupSize = 10

/** The instance shares its context groups through Redis. */
export const keyplan: SubjectKind = {
  name: 'keyplan',
  clients: ['Redis'],
  open: async ({ url }) => contextReads(await startInstance(url, user)),
}

/** Its Redis has gone away, so that every read is made by the database. */
export const withoutRedis: SubjectKind = {
  name: 'without-redis',
  clients: ['the database'],
  async open() {
    const redis = await startRedis()
    return contextReads(await startInstance(redis.url, user), 'miss', () => redis.cleanUp())
  },
}

/** It was told of no Redis and caches in its own process: the bound for one instance, and of no use to a second. */
export const inMemory: SubjectKind = {
  name: 'in-memory',
  clients: ['this process'],
  open: async () => contextReads(await startInstance(undefined, user)),
}

/** Stores the records, reads each context once, and gives a subject that reads them over HTTP. */
async function contextReads(
  instance: Instance,
  expected: 'hit' | 'miss' = 'hit',
  afterSeeding: () => Promise<void> = async () => {},
): Promise<Subject> {
  const ids: string[] = []
  for (let i = 0; i < recordCount; i++) {
    const { status, body } = await instance.ask('POST', '/records', {
      userId: user,
      platform: 'notes',
      dataSourceId: 'bench',
      externalId: `note-${i}`,
      title: `Note ${i}`,
      tags: [`group-${Math.floor(i / groupSize)}`],
    })
    if (status !== 201) throw new Error(`A record was not stored: ${status} ${body}`)
    ids.push(idOf(body))
  }
  const read = async (i: number) => {
    const answer = await instance.ask('GET', `/records/${ids[i % ids.length]}/context?depth=2`)
    if (answer.status !== 200) throw new Error(`A context was not read: ${answer.status} ${answer.body}`)
    return answer
  }
  await afterSeeding()
  let reads = 0
  let others = 0
  for (let i = 0; i < recordCount; i++) await read(i)
  return {
    async run(i) {
      const { cache, body } = await read(i)
      reads++
      // In a long run a context comes of age now and then and is loaded once again.
      if (cache !== expected && ++others > recordCount + reads / 100) {
        throw new Error(`${others} of ${reads} reads were not a ${expected}`)
      }
      return body
    },
    close: () => instance.stop(),
  }
}

function idOf(body: string): string {
  const { record } = JSON.parse(body) as { record: { id: string } }
  return record.id
}
