import 'reflect-metadata'
import {
  Body,
  Controller,
  HttpException,
  type INestApplication,
  type MiddlewareConsumer,
  Module,
  Post,
} from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import { expect, test } from 'vitest'
import { idempotent as hooks } from '../../src/adapters/fastify.ts'
import { idempotent } from '../../src/adapters/idempotency.ts'
import { bytes, definePlan, once } from '../../src/index.ts'
import { killableServer } from '../killable-server.ts'

const setup = killableServer(
  definePlan('payments', {
    requests: once('idem:<caller>:<key>', { ttl: '1h', onCrash: 'rerun', value: bytes() }),
  }),
)

class Payments {
  made = 0
  pay({ amount }: { amount: number }) {
    this.made++
    if (amount < 0) throw new HttpException('not like this', 422)
    return { amount, made: this.made }
  }
}
Post('/payments')(Payments.prototype, 'pay', Object.getOwnPropertyDescriptor(Payments.prototype, 'pay')!)
Body()(Payments.prototype, 'pay', 0)
Controller()(Payments)

const options = { logger: false, abortOnError: false, forceCloseConnections: true } as const
const caller = () => 'ann'

async function onExpress(): Promise<INestApplication> {
  class Application {
    configure(consumer: MiddlewareConsumer) {
      consumer.apply(idempotent(setup.redis.requests, { caller })).forRoutes('payments')
    }
  }
  Module({ controllers: [Payments] })(Application)
  return NestFactory.create(Application, options)
}

async function onFastify(): Promise<INestApplication> {
  class Application {}
  Module({ controllers: [Payments] })(Application)
  const adapter = new FastifyAdapter()
  adapter.getInstance().addHook('preHandler', hooks(setup.redis.requests, { caller }).preHandler)
  return NestFactory.create(Application, adapter, options)
}

test.each([
  ['Express', onExpress],
  ['Fastify', onFastify],
])('Nest on %s answers once for each Idempotency-Key, and compares the parsed body', async (_, create) => {
  const app = setup.closing(await create())
  await app.listen(0, '127.0.0.1')
  const url = `${await app.getUrl()}/payments`
  async function pay(key: string, amount: number) {
    const headers = { 'content-type': 'application/json', 'idempotency-key': key }
    const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ amount }) })
    return [answer.status, await answer.json(), answer.headers.get('idempotent-replayed')]
  }
  expect(await pay('a', 5)).toEqual([201, { amount: 5, made: 1 }, null])
  expect(await pay('a', 5)).toEqual([201, { amount: 5, made: 1 }, 'true'])
  expect(await pay('a', 6)).toMatchObject([422, { title: 'Idempotency-Key is already used' }, null])
  const refused = { statusCode: 422, message: 'not like this' }
  expect(await pay('b', -1)).toEqual([422, refused, null])
  expect(await pay('b', -1)).toEqual([422, refused, 'true'])
  expect(app.get(Payments).made).toBe(2)
})
