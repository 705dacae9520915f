import { cache, channel, definePlan, type Json, json } from '../../src/index.ts'

/** What one agent says to another, or to `all`. */
export interface AgentMessage {
  readonly from: string
  readonly to: string
  readonly type: string
  readonly payload: Json
}

/** What holds for the answers of every API: 5 minutes; below 80 % of hits the cache does not earn its keep. */
const answers = { ttl: '5m', value: json<Json>(), minHitRatio: 0.8 } as const

/**
 * What its agents tell each other, and what HigherSelf caches: the answers of the services it integrates, one namespace for each service, so that one can be
 * cleared alone. `resource` is the rest of the key, as the service's module spells it: `business_entities:42`.
 */
export default definePlan('higherself', {
  notion: cache('api:notion:<resource...>', {
    ...answers,
    doc: 'Notion API responses.',
  }),
  hubspot: cache('api:hubspot:<resource...>', {
    ...answers,
    doc: 'HubSpot API responses.',
  }),
  typeform: cache('api:typeform:<resource...>', {
    ...answers,
    doc: 'Typeform API responses.',
  }),
  communication: channel('higherself:agents:communication', {
    doc: 'General communication of the agents.',
    value: json<AgentMessage>(),
  }),
  tasks: channel('higherself:agents:tasks', {
    doc: 'Tasks: none is missed by an agent that was away for less than an hour.',
    value: json<AgentMessage>(),
    reliable: { keep: '1h' },
  }),
  status: channel('higherself:agents:status', { doc: 'Status of the agents.', value: json<AgentMessage>() }),
})
