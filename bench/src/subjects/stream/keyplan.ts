import { connect } from 'keyplan/client'
import { streamPlan } from '../../plan.ts'
import type { SubjectKind } from '../../subject.ts'
import { createArrivals, entryOf } from './entry.ts'

export const keyplan: SubjectKind = {
  name: 'keyplan',
  clients: ['its own wire'],
  async open({ url, case: name }) {
    const redis = await connect(streamPlan, { url })
    const append = (i: number) => redis.entries.append(entryOf(i))
    if (name === 'append') return { run: append, close: () => redis.$close() }
    const arrivals = createArrivals(append)
    redis.entries.work('workers', ({ value }) => arrivals.arrived(value.i))
    return {
      run: arrivals.run,
      close: () => redis.$close(),
    }
  },
}
