import { connect } from 'keyplan/client'
import { registryPlan } from '../../plan.ts'
import type { SubjectKind } from '../../subject.ts'
import { agentCount, beatingCount, capabilityOf, cardOf, nameOf } from './agents.ts'

/** Those alone whose lease has not ended, by the server's clock. */
export const keyplan: SubjectKind = {
  name: 'keyplan',
  clients: ['its own wire'],
  async open({ url }) {
    const redis = await connect(registryPlan, { url })
    const joins = Array.from({ length: agentCount }, (_, n) =>
      redis.agents({ id: nameOf(n) }).join({ capabilities: [capabilityOf(n)], metadata: cardOf(n) }),
    )
    await Promise.all(joins)
    return { run: i => redis.agents.find(capabilityOf(i)), close: () => redis.$close() }
  },
}

/** Its process beats as soon as somebody begins to follow the events: one operation is that and the beat. */
export const beating: SubjectKind = {
  name: 'keyplan',
  clients: ['its own wire'],
  async open({ url }) {
    const redis = await connect(registryPlan, { url })
    const joins = Array.from({ length: beatingCount }, (_, n) =>
      redis.agents({ id: nameOf(n) }).join({ capabilities: [capabilityOf(n)], metadata: cardOf(n) }),
    )
    const [first] = await Promise.all(joins)
    // It moves with each beat that is confirmed.
    const leaseEnd = () => performance.now() + first!.remaining()
    return {
      async run() {
        const before = leaseEnd()
        const events = redis.agents.follow({ after: 'now' })
        const ended = events.next()
        while (leaseEnd() <= before + 0.01) await new Promise(resolve => setImmediate(resolve))
        await events.return?.()
        await ended
        return true
      },
      close: () => redis.$close(),
    }
  },
}
