import { cache, definePlan, type Json, json } from '../../src/index.ts'

/** A tool as its specification describes it. */
export interface ToolSpec {
  readonly name: string
  readonly description: string
  readonly inputSchema: { readonly [name: string]: Json }
}

/**
 * What Developer Mesh caches. Every value is plain JSON under the full key that its services know, so that they read and
 * write the same entries.
 */
export default definePlan('developer-mesh', {
  embedding: cache('embedding:<tenantId>:<model>:<hash>', {
    doc: 'The embedding of a text, by its tenant, the model and the hash of the text.',
    ttl: '15m',
    value: json<readonly number[]>(),
  }),
  response: cache('response:<endpoint>:<paramsHash>', {
    doc: 'API responses, by endpoint and the hash of the parameters.',
    ttl: '5m',
    value: json<Json>(),
  }),
  toolSpec: cache('tool:<toolId>:spec', {
    doc: 'Tool specifications.',
    ttl: '10m',
    value: json<ToolSpec>(),
  }),
})
