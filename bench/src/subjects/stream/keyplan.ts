import { connect } from 'keyplan/client'
import { streamPlan } from '../../plan.ts'
import type { SubjectKind } from '../../subject.ts'
import { createArrivals, entryOf } from './entry.ts'

export const keyplan: SubjectKind = {
  name: 'keyplan',
  clients: ['its own wire'],
  async open({ url, case: name }) {
    const redis = await connect(streamPlan, { url })
    if (name === 'append') return { run: i => redis.entries.append(entryOf(i)), close: () => redis.$close() }
    const arrivals = createArrivals()
    redis.entries.work('workers', ({ value }) => arrivals.arrived(value.i))
    return {
      async run(i) {
        const handled = arrivals.expect(i)
        await redis.entries.append(entryOf(i))
        return (await handled) === i
      },
      close: () => redis.$close(),
    }
  },
}
