import { connect } from 'keyplan/client'
import { itemOf } from '../../dataset.ts'
import { channelPlan } from '../../plan.ts'
import type { SubjectKind } from '../../subject.ts'
import { createReceipts, listenersOf } from './receipts.ts'

export const keyplan: SubjectKind = {
  name: 'keyplan',
  clients: ['its own wire'],
  async open({ url, database, case: caseName }) {
    const redis = await connect(channelPlan, { url })
    // Channels are not parted by databases.
    const topic = redis.events({ topic: database })
    const listeners = listenersOf(caseName)
    const receipts = createReceipts(listeners)
    for (let count = 0; count < listeners; count++) {
      await topic.subscribe(({ message }) => receipts.received(message.i))
    }
    return {
      async run(i) {
        const received = receipts.expect(i)
        await topic.publish({ i, item: itemOf(i) })
        return received
      },
      close: () => redis.$close(),
    }
  },
}
