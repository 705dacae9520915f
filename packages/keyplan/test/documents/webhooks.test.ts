import { createHmac, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Worker } from '../../src/index.ts'
import { until } from '../live-server.ts'
import plan, { type WebhookEvent } from './developer-mesh.plan.ts'
import { documentSystem } from './document-system.ts'

let server: RedisProcess
let http: Server
let address: string
const secret = 'it is no secret here'
const workers: Worker[] = []

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())

const system = documentSystem(plan, () => server)
const sign = (body: string) => `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`

function isSigned(body: string, signature: string): boolean {
  const expected = Buffer.from(sign(body))
  const given = Buffer.from(signature)
  return given.length === expected.length && timingSafeEqual(given, expected)
}

/** Answers only when the event is in the stream. */
beforeEach(async () => {
  http = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const header = (name: string) => String(request.headers[name] ?? '')
    if (!isSigned(body, header('x-hub-signature-256'))) return response.writeHead(401).end()
    const deliveryId = header('x-github-delivery')
    const webhook = {
      event: header('x-github-event'),
      deliveryId,
      payload: JSON.parse(body) as WebhookEvent['payload'],
    }
    const id = await system.redis.webhookEvents.append(webhook, { key: deliveryId })
    response.writeHead(202).end(id)
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  address = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
})
afterEach(async () => {
  await Promise.all(workers.splice(0).map(worker => worker.close('100ms')))
  http.close()
})

async function deliver(event: string, deliveryId: string, payload: object, signature?: string) {
  const body = JSON.stringify(payload)
  const headers = {
    'x-github-event': event,
    'x-github-delivery': deliveryId,
    'x-hub-signature-256': signature ?? sign(body),
  }
  return fetch(address, { method: 'POST', body, headers })
}

test('signed webhooks reach two workers, each once, also when GitHub sends them again; others are turned away', async () => {
  const processes = [system.redis, await system.start()]
  const handled: string[] = []
  for (const redis of processes) {
    workers.push(
      redis.webhookEvents.work('webhook_workers', ({ value: { event, deliveryId, payload } }) => {
        handled.push(`${event} ${deliveryId} ${String(payload.action)}`)
      }),
    )
  }
  await until(async () => (await system.redis.webhookEvents.inspect('webhook_workers')).consumers === 2)
  const events = ['push', 'pull_request', 'issues', 'check_run', 'workflow_run']
  const sent = Array.from({ length: 40 }, (_, index) => ({ event: events[index % 5]!, id: `delivery-${index}` }))
  const answers = await Promise.all(
    [...sent, ...sent.slice(0, 10)].map(({ event, id }) => deliver(event, id, { action: 'opened' })),
  )
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]))
  const forged = await deliver('push', 'forged', { action: 'opened' }, 'sha256=00')
  expect(forged.status).toBe(401)
  await until(() => handled.length >= 40)
  await until(async () => (await system.redis.webhookEvents.inspect('webhook_workers')).pending === 0)
  expect(handled.sort()).toEqual(sent.map(({ event, id }) => `${event} ${id} opened`).sort())
  expect(await system.redis.webhookEvents.count()).toBe(40)
})

test('a webhook whose handling fails is tried again, and another delivery of it is not handled twice', async () => {
  const handled: string[] = []
  let failures = 0
  const worker = system.redis.webhookEvents.work('webhook_workers', ({ value: { deliveryId }, delivery }) => {
    if (delivery === 1) {
      failures++
      throw new Error('the database is away')
    }
    handled.push(deliveryId)
  })
  workers.push(worker)
  await until(async () => (await system.redis.webhookEvents.inspect('webhook_workers')).consumers === 1)
  await deliver('push', 'one', {})
  await until(() => handled.length === 1)
  // Appended without a key, as another receiver might: what was done is known by the delivery.
  await system.redis.webhookEvents.append({ event: 'push', deliveryId: 'one', payload: {} })
  await until(() => worker.figures.skipped === 1)
  expect({ handled, failures }).toEqual({ handled: ['one'], failures: 1 })
})
