import type { Server } from 'node:http'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { serve } from '@hono/node-server'
import express, { type NextFunction, type Request, type Response } from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { stream } from 'hono/streaming'
import Koa from 'koa'
import { expect, test } from 'vitest'
import { idempotent as forFastify } from '../../../src/adapters/fastify.ts'
import { idempotent as forHono } from '../../../src/adapters/hono.ts'
import { idempotent as forExpress } from '../../../src/adapters/idempotency.ts'
import { idempotent as forKoa } from '../../../src/adapters/koa.ts'
import { bytes, definePlan, once } from '../../../src/index.ts'
import { listening, type Served } from '../../adapters/http/listening.ts'
import { killableServer } from '../../killable-server.ts'
import { report } from '../figures.ts'

const setup = killableServer(
  definePlan('payments', {
    requests: once('idem:<caller>:<key>', { ttl: '1h', lease: '5s', onCrash: 'rerun', value: bytes() }),
  }),
)

const keys = 150
const clients = 30
const rounds = 50
const options = { caller: () => 'ann', grace: '300ms', maxBody: '2kb' } as const
const large = 'x'.repeat(5_000)
const ways = ['text', 'text', 'text', 'refused', 'broken', 'stream', 'never'] as const
let handled = 0

/** After a while: what is answered, and how. Never: a handler that hangs. */
async function decide() {
  const text = `payment ${++handled}`
  await sleep(Math.random() * 12)
  const way = ways[Math.floor(Math.random() * ways.length)]!
  if (way === 'never') await new Promise(() => {})
  return { way, text, status: way === 'refused' ? 422 : 500, pieces: [text, large] }
}

const failure = (status: number) => Object.assign(new Error('no'), { status, statusCode: status })

async function onExpress(): Promise<Served> {
  const app = express()
  app.post('/', forExpress(setup.redis.requests, options), async (_request, response) => {
    const { way, text, status, pieces } = await decide()
    if (way === 'text') response.status(201).send(text)
    else if (way === 'stream') Readable.from(pieces).pipe(response)
    else throw failure(status)
  })
  app.use((error: { status?: number }, _request: Request, response: Response, next: NextFunction) => {
    if (response.headersSent) next(error)
    else response.sendStatus(error.status ?? 500)
  })
  return listening(app.listen(0, '127.0.0.1'))
}

async function onKoa(): Promise<Served> {
  const app = new Koa()
  app.silent = true
  app.use(forKoa(setup.redis.requests, options))
  app.use(async context => {
    const { way, text, status, pieces } = await decide()
    if (way !== 'text' && way !== 'stream') context.throw(status)
    context.status = 201
    context.body = way === 'text' ? text : Readable.from(pieces)
  })
  return listening(app.listen(0, '127.0.0.1'))
}

async function onFastify(): Promise<Served> {
  const app = Fastify({ forceCloseConnections: true })
  app.post('/', { ...forFastify(setup.redis.requests, options) }, async (_request, reply) => {
    const { way, text, status, pieces } = await decide()
    if (way !== 'text' && way !== 'stream') throw failure(status)
    if (way === 'stream') return reply.code(201).send(Readable.from(pieces))
    reply.code(201).send(text)
    return reply.send('a second answer')
  })
  return { url: await app.listen({ port: 0, host: '127.0.0.1' }), close: () => app.close() }
}

async function onHono(): Promise<Served> {
  const app = new Hono()
  app.onError((error, context) => context.body(null, error instanceof HTTPException ? error.status : 500))
  app.post('/', forHono(setup.redis.requests, options), async context => {
    const { way, text, status, pieces } = await decide()
    if (way === 'text') return context.text(text, 201)
    if (way !== 'stream') throw new HTTPException(status === 422 ? 422 : 500)
    return stream(context, async out => {
      for (const piece of pieces) await out.write(piece)
    })
  })
  return listening(serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server)
}

test.each([
  ['Express', onExpress],
  ['Koa', onKoa],
  ['Fastify', onFastify],
  ['Hono', onHono],
])('%s: whoever leaves whenever, a key has one answer, and none is held for good', async (name, open) => {
  const { url } = setup.closing(await open())
  const answers = new Map<string, Set<string>>()
  const counts: Record<string, number> = {}

  async function pay(key: string): Promise<string> {
    const patienceMs = Math.random() < 0.4 ? Math.ceil(Math.random() * 20) : 2_000
    const signal = AbortSignal.timeout(patienceMs)
    try {
      const response = await fetch(url, { method: 'POST', headers: { 'idempotency-key': key }, signal })
      const replayed = response.headers.get('idempotent-replayed')
      const text = await response.text()
      if (response.status < 300 && replayed !== 'truncated') {
        answers.set(key, (answers.get(key) ?? new Set()).add(text.slice(0, 20)))
      }
      return replayed ?? String(response.status)
    } catch {
      return 'gone'
    }
  }
  async function client(): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      const became = await pay(String(Math.floor(Math.random() * keys)))
      counts[became] = (counts[became] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: clients }, client))

  // Those that never answer have lost their clients, at the latest by now.
  await expect
    .poll(
      async () => {
        const views = Array.from({ length: keys }, (_, key) =>
          setup.redis.requests({ caller: 'ann', key: String(key) }).inspect(),
        )
        return (await Promise.all(views)).filter(({ state }) => state === 'running').length
      },
      { timeout: 20_000 },
    )
    .toBe(0)
  report(`clients that leave, ${name}`, { 'handled so far': handled, ...counts })
  expect([...answers].filter(([, texts]) => texts.size > 1)).toEqual([])
})
