import { connect } from 'keyplan/client'
import { keyOf } from '../../dataset.ts'
import { limitPlan } from '../../plan.ts'
import type { SubjectKind } from '../../subject.ts'

export const keyplan: SubjectKind = {
  name: 'keyplan',
  clients: ['its own wire'],
  async open({ url }) {
    const redis = await connect(limitPlan, { url })
    return {
      run: async i => (await redis.limits({ key: keyOf(i) }).consume()).allowed,
      close: () => redis.$close(),
    }
  },
}
