import { connect } from 'keyplan/client'
import { keyCount, keyOf } from '../../dataset.ts'
import { algorithmPlans } from '../../plan.ts'
import type { SubjectKind } from '../../subject.ts'

const blocked = 'consume blocked key'

export const keyplanAlgorithms: SubjectKind = {
  name: 'keyplan',
  clients: ['its own wire'],
  async open({ url, case: name }) {
    const redis = await connect(algorithmPlans[name as keyof typeof algorithmPlans], { url })
    const ask = (i: number) => redis.limits({ key: keyOf(i) }).consume()
    const consume = async (i: number) => (await ask(i)).allowed
    if (name === blocked) await Promise.all(Array.from({ length: 2 * keyCount }, (_, i) => consume(i)))
    return {
      run: name === blocked ? async i => !(await ask(i)).allowed : consume,
      close: () => redis.$close(),
    }
  },
}
