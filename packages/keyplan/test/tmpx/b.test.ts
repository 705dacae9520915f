import { startRedis } from '@keyplan/local'
import { test } from 'vitest'
import { connect } from '/work/main/packages/keyplan/src/client/index.ts'
import { definePlan, foreign } from '/work/main/packages/keyplan/src/index.ts'
test('x', async () => {
  const server = await startRedis()
  const plan = definePlan('shop', { stock: foreign('stock:<id>', { kind: 'hash' }) })
  const client = await connect(plan, { url: server.url })
  for (let round = 0; round < 4; round++) {
    const numbers = Array.from({ length: 5_000 }, (_, index) => ['rpush', 'order', index] as const)
    const t = performance.now()
    const p = client.$batch(numbers, { deadline: '30s' }).catch(e => e)
    const t1 = performance.now()
    const r = await p
    console.log('sync', t1 - t, 'all', performance.now() - t, r instanceof Error ? r.message : r.length)
  }
  await client.$close(); await server.cleanUp()
})
