import { Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis-6'
import { definePlan, json, stream } from 'keyplan'
import { connect } from 'keyplan/client'
import { batch, type Entry, entryOf } from '../subjects/stream/entry.ts'

/** Handles what one process appends, as fast as it can. */
export interface Consumer {
  append(numbers: readonly number[]): Promise<unknown>
  /** Handles from now on. */
  start(handled: (i: number) => void): void
  /** Finishes, acknowledges and lets go. */
  close(): Promise<unknown>
}

const consumePlan = definePlan('bench', {
  entries: stream('entries', {
    value: json<Entry>(),
    keep: { entries: 100_000_000 },
    batch,
    groups: { workers: { start: '0' } },
  }),
})

async function keyplan(url: string, batches: boolean): Promise<Consumer> {
  const redis = await connect(consumePlan, { url, log: false })
  return {
    append: numbers => redis.entries.appendMany(numbers.map(entryOf)),
    start(handled) {
      if (!batches) return void redis.entries.work('workers', ({ value }) => handled(value.i))
      const many = (messages: readonly { readonly value: Entry }[]) => {
        for (const { value } of messages) handled(value.i)
      }
      redis.entries.work('workers', many, { batch })
    },
    close: () => redis.$close(),
  }
}

/** Each with the defaults of its makers, but for how many it handles at once. */
export const consumers: Readonly<Record<string, (url: string) => Promise<Consumer>>> = {
  keyplan: url => keyplan(url, false),
  'keyplan, in batches': url => keyplan(url, true),
  async 'ioredis, XREADGROUP and XACK'(url) {
    const redis = new Redis(url)
    const reader = new Redis(url)
    await redis.xgroup('CREATE', 'entries', 'workers', '0', 'MKSTREAM')
    let on = true
    let reading: Promise<void> | undefined
    async function read(handled: (i: number) => void): Promise<void> {
      const terms = ['GROUP', 'workers', 'one', 'COUNT', batch, 'BLOCK', 200, 'STREAMS', 'entries', '>'] as const
      while (on) {
        const reply = (await reader.xreadgroup(...terms)) as [string, [string, string[]][]][] | null
        const entries = reply?.[0]?.[1] ?? []
        for (const [, fields] of entries) handled((JSON.parse(fields[1] ?? '') as Entry).i)
        if (entries.length > 0) redis.xack('entries', 'workers', ...entries.map(([id]) => id)).catch(() => {})
      }
    }
    return {
      async append(numbers) {
        const pipeline = redis.pipeline()
        for (const i of numbers) pipeline.xadd('entries', '*', 'value', JSON.stringify(entryOf(i)))
        await pipeline.exec()
      },
      start(handled) {
        reading = read(handled)
      },
      async close() {
        on = false
        await reading
        await Promise.all([redis.quit(), reader.quit()])
      },
    }
  },
  async bullmq(url) {
    const { hostname: host, port } = new URL(url)
    const connection = { host, port: Number(port) }
    const queue = new Queue<Entry>('entries', { connection })
    let worker: Worker<Entry> | undefined
    return {
      append: numbers =>
        queue.addBulk(numbers.map(i => ({ name: 'entry', data: entryOf(i), opts: { removeOnComplete: true } }))),
      start(handled) {
        worker = new Worker<Entry>('entries', async ({ data }) => handled(data.i), {
          connection: { ...connection, maxRetriesPerRequest: null },
          concurrency: batch,
        })
      },
      async close() {
        await worker?.close()
        await queue.close()
      },
    }
  },
}
