import { connect } from 'keyplan/client'
import { keyCount, keyOf, load, sampleOf } from '../../dataset.ts'
import { nearPlan } from '../../plan.ts'
import type { SubjectKind } from '../../subject.ts'

export const keyplanNear: SubjectKind = {
  name: 'keyplan',
  clients: ['its own wire'],
  async open({ url, case: name }) {
    const redis = await connect(nearPlan, { url })
    for (let i = 0; i < keyCount; i++) await redis.items({ key: keyOf(i) }).set(sampleOf(name, i))
    const get = (i: number) => redis.items({ key: keyOf(i) }).get()
    const getOrLoad = (i: number) => redis.items({ key: keyOf(i) }).getOrLoad(() => load(i))
    const nearHits = () => redis.$stats().namespaces.items?.cache?.nearHits ?? 0
    // A copy is kept once what the writes have told of is over.
    for (let i = 0; i < keyCount; i++) for (const before = nearHits(); nearHits() === before; ) await get(i)
    return { run: name.startsWith('getOrLoad') ? getOrLoad : get, close: () => redis.$close() }
  },
}
