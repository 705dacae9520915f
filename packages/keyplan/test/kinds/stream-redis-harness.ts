import { connectResp, type RespConnection } from '@keyplan/local'
import { connect } from '../../src/client/index.ts'
import { type StreamClient, type StreamHarness, streamPlan } from '../conformance/stream.ts'

export interface RedisStreamHarness extends StreamHarness {
  readonly ask: RespConnection['ask']
}

/** A server, emptied, and clients of it as processes have them. */
export async function redisHarness(port: number, plan = streamPlan): Promise<RedisStreamHarness> {
  const plain = await connectResp({ port })
  await plain.ask('FLUSHALL')
  const clients: StreamClient[] = []
  return {
    ask: plain.ask,
    async client() {
      const redis = await connect(plan, { url: `redis://127.0.0.1:${port}`, start: 'required', log: false })
      clients.push(redis)
      return redis
    },
    async close() {
      await Promise.all(clients.map(redis => redis.$close()))
      plain.close()
    },
  }
}
