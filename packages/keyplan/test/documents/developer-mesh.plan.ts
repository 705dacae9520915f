import { cache, definePlan, type Json, json, stream } from '../../src/index.ts'

/** A tool as its specification describes it. */
export interface ToolSpec {
  readonly name: string
  readonly description: string
  readonly inputSchema: { readonly [name: string]: Json }
}

/** What GitHub sends: the name of the event, the id of the delivery, and the payload. */
export interface WebhookEvent {
  readonly event: string
  readonly deliveryId: string
  readonly payload: { readonly [name: string]: Json }
}

/**
 * What Developer Mesh keeps. Every value is plain JSON under the full key that its services know, so that they read and
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
  webhookEvents: stream('webhook_events', {
    doc: 'Webhooks, as they were received. The document begins its group at `>`; what it means is `$`.',
    value: json<WebhookEvent>(),
    groups: { webhook_workers: { start: '$' } },
    // The document remembers for 24 h what was processed, and keeps dead letters for 7 days: longer is right.
    idempotency: { by: ({ deliveryId }) => deliveryId },
  }),
  taskEvents: stream('task_events', {
    doc: 'What becomes of tasks, from the oldest that is kept.',
    value: json<Json>(),
    groups: { task_workers: { start: '0' } },
  }),
  agentMessages: stream('agent_messages', { doc: 'Messages between agents.', value: json<Json>() }),
})
