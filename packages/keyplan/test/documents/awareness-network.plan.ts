import {
  cache,
  channel,
  type DocumentChange,
  definePlan,
  document,
  feed,
  type Json,
  json,
  registry,
} from '../../src/index.ts'

/** A step of a session's thinking. */
export interface Thought {
  readonly text: string
  readonly by: string
}

/** The state of a session in which people and agents work together. */
export interface CollabSession {
  readonly participants: readonly string[]
  readonly state?: { readonly [name: string]: Json }
}

/** What an agent tells of itself beside what it can do. */
export interface AgentInfo {
  readonly name: string
  readonly model?: string
}

/** What the Awareness Network caches, shares, tells and keeps in order, under the prefix that keeps it apart from others. */
export default definePlan(
  'awareness-network',
  {
    cache: cache('cache:<key...>', {
      doc: 'API responses and query results; `key` is whatever names one, with colons of its own.',
      ttl: '1h',
      value: json<Json>(),
      // Above 90 % is healthy, below 80 % an alert.
      minHitRatio: 0.8,
    }),
    collab: document('collab:<sessionId>', {
      doc: 'The state of a collaboration session, plain JSON for every service.',
      ttl: '1h',
      value: json<CollabSession>(),
      announce: 'sessionEvents',
    }),
    agents: registry('agents:<agentId>', {
      doc: 'Presence and capabilities of the agents; each also lies at its own key, for every service.',
      lease: '5m',
      metadata: json<AgentInfo>(),
      index: { model: ({ model }) => model },
      mirror: true,
      announce: 'agentEvents',
    }),
    marketplace: channel('events:marketplace', { doc: 'New listings and purchases.', value: json<Json>() }),
    sessionEvents: channel('events:sessions', {
      doc: 'Lifecycle of collaboration sessions.',
      value: json<DocumentChange<CollabSession, 'sessionId'>>(),
    }),
    agentEvents: channel('events:agents', { doc: 'Registration and status of agents.', value: json<Json>() }),
    pubsub: channel('pubsub:<channel>', { doc: 'Real-time events of any kind.', value: json<Json>() }),
    thoughts: feed('thoughts:<sessionId>', {
      doc: 'The thoughts of a session, in order.',
      ttl: '1h',
      value: json<Thought>(),
      announce: 'thoughtsLive',
    }),
    thoughtsLive: channel('thoughts:<sessionId>', { doc: 'The same, as they come.', value: json<Thought>() }),
  },
  { prefix: 'awareness:' },
)
