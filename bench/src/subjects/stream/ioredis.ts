import { Redis } from 'ioredis-6'
import type { SubjectKind } from '../../subject.ts'
import { batch, createArrivals, type Entry, entryOf, mostEntries } from './entry.ts'

const stream = 'entries'
const group = 'workers'

/** What an application writes by hand: no retries, no claims, no dead letters. */
function raw(name: string, enableAutoPipelining: boolean): SubjectKind {
  return {
    name,
    clients: ['ioredis 6'],
    async open({ url, case: work }) {
      const redis = new Redis(url, { enableAutoPipelining })
      const append = (i: number) =>
        redis.xadd(stream, 'MAXLEN', '~', mostEntries, '*', 'value', JSON.stringify(entryOf(i)))
      if (work === 'append') return { run: append, close: async () => void (await redis.quit()) }

      const arrivals = createArrivals(append)
      const reader = new Redis(url)
      await redis.xgroup('CREATE', stream, group, '$', 'MKSTREAM').catch(() => {})
      let on = true
      const reading = (async () => {
        while (on) {
          const reply = await reader.xreadgroup(
            'GROUP',
            group,
            'one',
            'COUNT',
            batch,
            'BLOCK',
            200,
            'STREAMS',
            stream,
            '>',
          )
          const [[, entries] = ['', []]] = (reply ?? []) as [string, [string, string[]][]][]
          for (const [, fields] of entries) arrivals.arrived((JSON.parse(fields[1] ?? '') as Entry).i)
          if (entries.length > 0) redis.xack(stream, group, ...entries.map(([id]) => id)).catch(() => {})
        }
      })()
      return {
        run: arrivals.run,
        async close() {
          on = false
          await reading
          await Promise.all([redis.quit(), reader.quit()])
        },
      }
    },
  }
}

export const ioredis = raw('ioredis', false)
export const ioredisAuto = raw('ioredis-auto', true)
