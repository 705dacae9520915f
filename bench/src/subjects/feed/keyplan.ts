import { connect } from 'keyplan/client'
import { feedPlan } from '../../plan.ts'
import type { SubjectKind } from '../../subject.ts'
import { createReceipts } from '../channel/receipts.ts'
import { entryOf, followersOf } from './entry.ts'

export const keyplan: SubjectKind = {
  name: 'keyplan',
  clients: ['its own wire'],
  async open({ url, case: caseName }) {
    const redis = await connect(feedPlan, { url })
    const feed = redis.entries({ id: 'one' })
    await feed.delete()
    const followers = followersOf(caseName)
    if (followers === 0) return { run: i => feed.append(entryOf(i)), close: () => redis.$close() }
    const receipts = createReceipts(followers)
    const ending = new AbortController()
    for (let count = 0; count < followers; count++) {
      void (async () => {
        for await (const { value } of feed.follow({ signal: ending.signal })) receipts.received(value.i)
      })()
    }
    return {
      async run(i) {
        const received = receipts.expect(i)
        await feed.append(entryOf(i))
        return received
      },
      close() {
        ending.abort()
        return redis.$close()
      },
    }
  },
}
