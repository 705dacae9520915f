import type { RedisProcess } from '@keyplan/local'
import { afterEach, beforeEach } from 'vitest'
import { type Client, type ConnectOptions, connect } from '../../src/client/index.ts'
import type { Plan } from '../../src/index.ts'
import type { Namespaces } from '../../src/plan/plan.ts'
import { type OtherService, openOtherService } from './other-service.ts'

/** A process of the application, and another service. */
export interface DocumentSystem<N extends Namespaces> {
  readonly redis: Client<N>
  readonly other: OtherService
  /** One more process of the application. */
  start(options?: ConnectOptions): Promise<Client<N>>
}

/** Opens the system anew for each test of the block this is called in, on an empty server. */
export function documentSystem<N extends Namespaces>(plan: Plan<N>, server: () => RedisProcess): DocumentSystem<N> {
  const processes: Client<N>[] = []
  let other: OtherService
  const start = async (options: ConnectOptions = {}) => {
    const url = `redis://127.0.0.1:${server().port}`
    const redis = await connect(plan, { url, start: 'required', log: false, ...options })
    processes.push(redis)
    return redis
  }
  beforeEach(async () => {
    other = await openOtherService(server().port)
    await other.flush()
    await start()
  })
  afterEach(async () => {
    for (const redis of processes.splice(0)) await redis.$close()
    other.close()
  })
  return {
    get redis() {
      return processes[0]!
    },
    get other() {
      return other
    },
    start,
  }
}
