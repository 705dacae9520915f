import type { CacheDeclaration, Plan } from 'keyplan'
import { connect } from 'keyplan/client'
import { keyCount, keyOf, load, sampleOf, valueNameOf } from '../../dataset.ts'
import { valuePlans } from '../../plan.ts'
import type { SubjectKind } from '../../subject.ts'
import { workOf } from './work.ts'

export const keyplan: SubjectKind = {
  name: 'keyplan',
  clients: ['its own wire'],
  async open({ url, case: name }) {
    const redis = await connect(valuePlans[valueNameOf(name)] as Plan<{ items: CacheDeclaration<'<key>'> }>, { url })
    const set = (i: number, value: unknown) => redis.items({ key: keyOf(i) }).set(value)
    for (let i = 0; i < keyCount; i++) await set(i, sampleOf(name, i))
    const get = (i: number) => redis.items({ key: keyOf(i) }).get()
    const getOrLoad = (i: number) => redis.items({ key: keyOf(i) }).getOrLoad(() => load(i))
    return { run: workOf(name, { get, getOrLoad, set }), close: () => redis.$close() }
  },
}
