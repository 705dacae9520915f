import { connectResp, type RedisProcess } from '@keyplan/local'
import { expect } from 'vitest'
import { expectMortalKeys, underFire } from './limit-processes.ts'

/** As `limit-plan.mjs` has them. */
const longLimit = 300
const shortLimit = 20
const shortWindowMs = 250
const keysOfEach = 2

const longNames = ['fixed', 'sliding', 'log', 'bucket', 'gcra', 'several']
const shortNames = ['shortFixed', 'shortLog']

async function serverNow(server: RedisProcess): Promise<number> {
  const plain = await connectResp({ port: server.port })
  const [seconds, micros] = (await plain.ask('TIME')) as [string, string]
  plain.close()
  return Number(seconds) * 1_000 + Number(micros) / 1_000
}

/** In every window no more than the limit is allowed, by the clock of the server and what the processes were told. */
export async function expectLimitsHold(server: RedisProcess, rounds: number, kills: number): Promise<void> {
  const began = await serverNow(server)
  const { allowed, wrong, asked } = await underFire(server, rounds, kills)
  const lasted = (await serverNow(server)) - began
  expect(wrong).toEqual([])
  // What a killed process was told of its last round is lost with it.
  expect(asked).toBeGreaterThanOrEqual(8 * 50 * rounds - (kills === 0 ? 0 : 8 * 50))
  for (const name of longNames) {
    const units = allowed.get(name) ?? 0
    expect(units, name).toBeLessThanOrEqual(keysOfEach * longLimit)
    expect(units, name).toBeGreaterThan(0)
  }
  const windows = Math.floor(lasted / shortWindowMs) + 1
  for (const name of shortNames) {
    expect(allowed.get(name), name).toBeLessThanOrEqual(keysOfEach * shortLimit * windows)
    expect(allowed.get(name), name).toBeGreaterThan(0)
  }
  await expectMortalKeys(server)
}
