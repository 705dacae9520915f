import { definePlan, rateLimit } from '../../src/index.ts'

/** The limits of the documents, under the keys that they name. `{window}` there is the window's length. */

export const awarenessLimits = definePlan(
  'awareness-network',
  {
    requests: rateLimit('ratelimit:<ip>:15m', {
      doc: 'Requests of one address.',
      limit: 100,
      window: '15m',
    }),
  },
  { prefix: 'awareness:' },
)

export const meshLimits = definePlan('developer-mesh', {
  apiKeys: rateLimit('rate_limit:<apiKey>:1m', {
    doc: 'Requests of one API key. The key is a secret: Redis holds its SHA-256.',
    limit: 60,
    window: '1m',
    hashed: ['apiKey'],
    tiers: { pro: { limit: 600 } },
  }),
})

export const higherselfLimits = definePlan('higherself', {
  calls: rateLimit('rate_limit:<userId>:<endpoint>', {
    doc: 'Calls of one user to one endpoint.',
    limit: 1_000,
    window: '1h',
  }),
})

export const toolLimits = definePlan('universal-ai-tools', {
  clients: rateLimit('ratelimit:<client>', {
    doc: 'Requests of one client.',
    limit: 100,
    window: '15m',
    algorithm: 'sliding-window',
  }),
})
