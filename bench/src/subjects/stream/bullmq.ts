import { Queue, Worker } from 'bullmq'
import type { SubjectKind } from '../../subject.ts'
import { batch, createArrivals, type Entry, entryOf } from './entry.ts'

/** An entry is a job. It is removed when it is done, as a stream is trimmed. */
export const bullmq: SubjectKind = {
  name: 'bullmq',
  clients: ['ioredis 6'],
  async open({ url, database: db, case: work }) {
    const { hostname: host, port } = new URL(url)
    const connection = { host, port: Number(port), db }
    const queue = new Queue<Entry>('entries', { connection })
    const append = (i: number) => queue.add('entry', entryOf(i), { removeOnComplete: true })
    if (work === 'append') return { run: append, close: () => queue.close() }
    const arrivals = createArrivals(append)
    const worker = new Worker<Entry>('entries', async ({ data }) => arrivals.arrived(data.i), {
      connection: { ...connection, maxRetriesPerRequest: null },
      concurrency: batch,
    })
    return {
      run: arrivals.run,
      async close() {
        await worker.close()
        await queue.close()
      },
    }
  },
}
