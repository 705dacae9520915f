import type { CacheDeclaration, Plan } from 'keyplan'
import { connect } from 'keyplan/client'
import { keyCount, keyOf, load, sampleOf, valueNameOf } from '../../dataset.ts'
import { valuePlans } from '../../plan.ts'
import type { SubjectKind } from '../../subject.ts'

export const keyplan: SubjectKind = {
  name: 'keyplan',
  clients: ['its own wire'],
  async open({ url, case: name }) {
    const redis = await connect(valuePlans[valueNameOf(name)] as Plan<{ items: CacheDeclaration<'<key>'> }>, { url })
    for (let i = 0; i < keyCount; i++) await redis.items({ key: keyOf(i) }).set(sampleOf(name, i))
    const get = (i: number) => redis.items({ key: keyOf(i) }).get()
    const getOrLoad = (i: number) => redis.items({ key: keyOf(i) }).getOrLoad(() => load(i))
    return { run: name.startsWith('getOrLoad') ? getOrLoad : get, close: () => redis.$close() }
  },
}
