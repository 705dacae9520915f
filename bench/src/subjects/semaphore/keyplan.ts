import { connect } from 'keyplan/client'
import { keyOf } from '../../dataset.ts'
import { semaphorePlan } from '../../plan.ts'
import type { SubjectKind } from '../../subject.ts'

/** With its fence, by the server's clock, and told to those who wait. */
export const keyplan: SubjectKind = {
  name: 'keyplan',
  clients: ['its own wire'],
  async open({ url }) {
    const redis = await connect(semaphorePlan, { url })
    return {
      async run(i) {
        const held = await redis.semaphores({ key: keyOf(i) }).tryAcquire()
        return held?.release()
      },
      close: () => redis.$close(),
    }
  },
}
