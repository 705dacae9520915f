import { Redis } from 'ioredis-6'
import { type Item, itemOf } from '../../dataset.ts'
import type { SubjectKind } from '../../subject.ts'
import { createReceipts, listenersOf } from './receipts.ts'

function raw(name: string, enableAutoPipelining: boolean): SubjectKind {
  return {
    name,
    clients: ['ioredis 6'],
    async open({ url, database, case: caseName }) {
      const publisher = new Redis(url, { enableAutoPipelining })
      const subscriber = new Redis(url)
      const channel = `events:${database}`
      const listeners = listenersOf(caseName)
      const receipts = createReceipts(listeners)
      subscriber.setMaxListeners(listeners)
      for (let count = 0; count < listeners; count++) {
        subscriber.on('message', (_channel: string, text: string) => {
          receipts.received((JSON.parse(text) as { i: number; item: Item }).i)
        })
      }
      await subscriber.subscribe(channel)
      return {
        async run(i) {
          const received = receipts.expect(i)
          await publisher.publish(channel, JSON.stringify({ i, item: itemOf(i) }))
          return received
        },
        async close() {
          await Promise.all([publisher.quit(), subscriber.quit()])
        },
      }
    },
  }
}

/** What an application writes by hand: one connection to publish on, one to listen on, and JSON. */
export const ioredis = raw('ioredis', false)
export const ioredisAuto = raw('ioredis-auto', true)
