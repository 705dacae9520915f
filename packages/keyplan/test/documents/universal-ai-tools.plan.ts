import { cache, definePlan, json, vector } from '../../src/index.ts'

/** What a model answered. */
export interface AiResponse {
  readonly model: string
  readonly text: string
  readonly tokens: number
}

/** A user as the API shows them. */
export interface User {
  readonly name: string
  readonly email: string
}

/** What holds for every cache: an hour, and while Redis is gone a bounded store in this process. */
const kept = { ttl: '1h', whenDown: 'memory' } as const

/**
 * What Universal AI Tools caches, in keys of the form `namespace:type:id`. What identifies a response or an embedding is
 * long, and may be private: the id is its SHA-256.
 */
export default definePlan('universal-ai-tools', {
  response: cache('cache:response:<request>', {
    ...kept,
    doc: 'AI responses, by the request: the model, its settings and the prompt.',
    hashed: ['request'],
    value: json<AiResponse>(),
  }),
  embedding: cache('cache:embedding:<input>', {
    ...kept,
    doc: 'Embeddings, by the model and the text, as 32-bit floats.',
    hashed: ['input'],
    value: vector(),
    // The same text has the same embedding for ever: however far a replica is behind, what it has is right.
    replica: 'allow',
  }),
  user: cache('cache:user:<userId>', {
    ...kept,
    doc: 'Users.',
    value: json<User>(),
  }),
})
