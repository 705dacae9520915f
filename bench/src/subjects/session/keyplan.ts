import { connect } from 'keyplan/client'
import { itemOf, keyCount, keyOf } from '../../dataset.ts'
import { sessionPlan } from '../../plan.ts'
import type { SubjectKind } from '../../subject.ts'

export const keyplan: SubjectKind = {
  name: 'keyplan',
  clients: ['its own wire'],
  async open({ url, case: name }) {
    const { sessions, $close } = await connect(sessionPlan, { url })
    for (let i = 0; i < keyCount; i++) await sessions.create(itemOf(i), { id: keyOf(i) })
    const look = async (i: number) => (await sessions({ id: keyOf(i) }).read({ touch: false }))?.data
    const use = async (i: number) => (await sessions({ id: keyOf(i) }).read())?.data
    return { run: name.startsWith('use') ? use : look, close: $close }
  },
}
