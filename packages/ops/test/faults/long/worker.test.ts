import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { range, startStream, startWorker } from '../../support/started-worker.ts'

test('twelve times kill -9 at random under load, and no entry is without its handler', async () => {
  const { redis, append, deadLetters, pending } = await startStream()
  const { said, health } = await startWorker(redis.url)
  const kills = 12
  for (let round = 0; round < kills; round++) {
    await append(...range(1 + round * 100, 100))
    await sleep(Math.random() * 400)
    const { pid } = (await health()).process
    if (pid) process.kill(pid, 'SIGKILL')
  }
  const settled = async () => new Set([...said('handled')]).size + (await deadLetters()).length >= kills * 100
  while (!(await settled()) || (await pending()) > 0) await sleep(50)
  const { process: last, status } = await health()
  console.log(
    `${last.restarts} restarts, ${said('handled').length} handled of ${kills * 100}, ${(await deadLetters()).length} dead`,
  )
  expect(status).toBe('up')
})

test('a process that is stuck is killed, and what it was stuck on is given up', async () => {
  const { redis, append, deadLetters } = await startStream()
  const { until, program } = await startWorker(redis.url, ['--stall', '1s'])
  await append(-2, 1)
  const told = await until(({ process }) => process.restarts === 2)
  expect(told.process.lastEnd).toBe('by SIGKILL')
  expect(program.err).toContain('the process has said nothing for 1s; it is killed\n')
  while ((await deadLetters()).length === 0) await sleep(10)
  await program.said('handled 1\n')
})
