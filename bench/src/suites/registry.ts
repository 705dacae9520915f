import type { Suite } from '../subject.ts'
import { agentCount, capabilityCount, capabilityOf } from '../subjects/registry/agents.ts'
import { beatingByHand, byHand } from '../subjects/registry/ioredis.ts'
import { beating, keyplan } from '../subjects/registry/keyplan.ts'

const found = agentCount / capabilityCount

/** Of 10,000 agents the 100 who can do something, with what they tell of themselves. */
export const registry: Suite = {
  cases: ['find by capability'],
  subjects: [keyplan, byHand],
  inFlight: [1, 10, 100],
  expect(result, i, name) {
    const members = result as readonly { readonly capabilities: readonly string[] }[]
    if (members.length === found && members.every(({ capabilities }) => capabilities[0] === capabilityOf(i))) return
    throw new Error(`${name} found ${members.length} who can do ${capabilityOf(i)}, not ${found}`)
  },
  refute({ calls }, operations, subject) {
    const command = subject === 'keyplan' ? 'zrangebylex' : 'smembers'
    const asked = calls.get(command) ?? 0
    return asked < operations ? `${operations} searches were ${asked} ${command}` : undefined
  },
  refuteRemains: async () => undefined,
}

/** That 1,000 agents of one process are alive. */
export const registryBeat: Suite = {
  cases: ['beat of 1,000 members'],
  subjects: [beating, beatingByHand],
  inFlight: [1],
  expect(result, _, name) {
    if (result !== true) throw new Error(`${name} did not beat`)
  },
  refute: () => undefined,
  refuteRemains: async () => undefined,
}
