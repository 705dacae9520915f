import { startRedis } from '@keyplan/local'
import { test } from 'vitest'
import { expectLimitsHold } from '../limit-fire.ts'

test('twenty thousand requests of eight processes with clocks apart, nonsense for costs and aborts', async () => {
  const server = await startRedis()
  try {
    await expectLimitsHold(server, 50, 0)
  } finally {
    await server.cleanUp()
  }
})

test('two hundred processes are killed at their work: the limits hold, and no key is left without a time to live', async () => {
  const server = await startRedis()
  try {
    await expectLimitsHold(server, 50, 200)
  } finally {
    await server.cleanUp()
  }
})
