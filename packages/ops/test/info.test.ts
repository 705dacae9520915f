import { connectResp, type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { infoNumber, parseInfo } from '../src/server/info.ts'

let server: RedisProcess
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())

test('the fields of a real INFO are read, headings are not fields', async () => {
  const resp = await connectResp({ port: server.port })
  const info = parseInfo(String(await resp.ask('INFO')))
  resp.close()
  expect(info.get('redis_version')).toMatch(/^\d+\.\d+\.\d+$/)
  expect(infoNumber(info, 'process_id')).toBe(server.pid)
  expect(info.get('executable')).toContain('redis')
  expect([...info.keys()].filter(name => name.startsWith('#') || name === '')).toEqual([])
})

test('a value keeps its colons, and what is no number is undefined', () => {
  const info = parseInfo('# Clients\r\nslave0:ip=127.0.0.1,port=1:2\r\nempty:\r\nused_memory:12\r\n')
  expect(info.get('slave0')).toBe('ip=127.0.0.1,port=1:2')
  expect(infoNumber(info, 'slave0')).toBeUndefined()
  expect(infoNumber(info, 'empty')).toBeUndefined()
  expect(infoNumber(info, 'absent')).toBeUndefined()
  expect(infoNumber(info, 'used_memory')).toBe(12)
})
