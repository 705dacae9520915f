import { startProxy, startRedis } from '@keyplan/local'
import { expect, onTestFinished, test } from 'vitest'
import { connect } from '../../../src/client/index.ts'
import { definePlan, json, session } from '../../../src/index.ts'
import { digest } from '../../../src/plan/pattern/value.ts'
import { type Counted, savesUnderFaults } from '../session-saves.ts'

const plan = definePlan('faults', { sessions: session('session:<id>', { ttl: '1h', value: json<Counted>() }) })

test('two hundred faults: no save that was acknowledged is lost, and no session that was ended is back', async () => {
  const server = await startRedis()
  onTestFinished(() => server.cleanUp())
  const proxy = await startProxy({ to: server.port })
  onTestFinished(() => proxy.close())
  const open = async () => {
    const client = await connect(plan, {
      url: `redis://127.0.0.1:${proxy.port}`,
      start: 'required',
      log: false,
      backoff: { min: '10ms', max: '50ms' },
    })
    onTestFinished(() => client.$close())
    return client.sessions
  }
  const stored = async (id: string) => String(await server.ask('GET', `session:${digest(id)}`))
  const { saved, ended } = await savesUnderFaults({ faults: 200, proxy, open, stored })
  console.log(`${saved} saves, ${ended} logouts`)
  expect(saved).toBeGreaterThan(500)
})
