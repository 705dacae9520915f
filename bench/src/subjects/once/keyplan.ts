import { connect } from 'keyplan/client'
import { keyCount, keyOf } from '../../dataset.ts'
import { oncePlan } from '../../plan.ts'
import type { SubjectKind } from '../../subject.ts'
import { receiptOf } from './receipt.ts'

/** A claim that finds the result; it would have run the work otherwise. */
export const keyplan: SubjectKind = {
  name: 'keyplan',
  clients: ['its own wire'],
  async open({ url }) {
    const redis = await connect(oncePlan, { url })
    const calls = Array.from({ length: keyCount }, (_, i) =>
      redis.operations({ key: keyOf(i) }).run(() => receiptOf(i)),
    )
    await Promise.all(calls)
    return {
      run: i => redis.operations({ key: keyOf(i) }).run(() => Promise.reject(new Error('it has been run'))),
      close: () => redis.$close(),
    }
  },
}
