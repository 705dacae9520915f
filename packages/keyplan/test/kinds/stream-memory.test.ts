import { connect } from '../../src/client/index.ts'
import { type StreamClient, streamConformance, streamPlan } from '../conformance/stream.ts'

streamConformance('memory', async () => {
  const redis: StreamClient = await connect(streamPlan, { memory: true, log: false })
  return { client: async () => redis, close: () => redis.$close() }
})
