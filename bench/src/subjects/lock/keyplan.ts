import { connect } from 'keyplan/client'
import { keyOf } from '../../dataset.ts'
import { lockPlan } from '../../plan.ts'
import type { SubjectKind } from '../../subject.ts'

/** With its fence and its renewal, which no other subject has. */
export const keyplan: SubjectKind = {
  name: 'keyplan',
  clients: ['its own wire'],
  async open({ url }) {
    const redis = await connect(lockPlan, { url })
    return {
      async run(i) {
        const held = await redis.locks({ key: keyOf(i) }).tryAcquire()
        return held?.release()
      },
      close: () => redis.$close(),
    }
  },
}
