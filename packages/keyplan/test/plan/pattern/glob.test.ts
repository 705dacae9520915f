import { connectResp, startRedis } from '@keyplan/local'
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { helperGlob, helperKey } from '../../../src/plan/pattern/helper-key.ts'
import { parsePattern } from '../../../src/plan/pattern/parse.ts'
import { nastyText } from './nasty-text.ts'

const sources = ['user:<a>:<b>', 'we[i]rd*?\\:<a>:x', 'cart:{<a>}:<b...>', 'plain', '<a>:tail']

test('on a real server SCAN with the glob finds every key of a pattern, and match tells its keys from the others', async () => {
  const redis = await startRedis()
  onTestFinished(redis.cleanUp)
  const connection = await connectResp({ port: redis.port })
  onTestFinished(connection.close)

  const scan = async (glob: string) => {
    const reply = await connection.ask('SCAN', '0', 'MATCH', glob, 'COUNT', '100000')
    return (reply as [string, string[]])[1]
  }

  const patterns = sources.map(source => parsePattern(source))
  const sample = fc.sample(fc.tuple(nastyText, nastyText), 200)
  const owned = patterns.map(
    pattern =>
      new Set(
        sample.map(([a, b]) =>
          pattern.format(
            Object.fromEntries(
              [
                ['a', a],
                ['b', b],
              ].slice(0, pattern.params.length),
            ),
          ),
        ),
      ),
  )
  const helpers = patterns.map((pattern, index) => [...owned[index]!].map(key => helperKey(key, pattern.tagged, 'x')))
  for (const key of [...owned, ...helpers].flatMap(keys => [...keys])) await connection.ask('SET', key, '')

  for (const [index, pattern] of patterns.entries()) {
    const found = await scan(pattern.glob())
    expect(new Set(found.filter(key => pattern.match(key)))).toEqual(owned[index])
    const foundHelpers = await scan(helperGlob(pattern))
    expect(foundHelpers).toEqual(expect.arrayContaining(helpers[index]!))
  }
})

test('special characters of the literal text mean themselves', () => {
  expect(parsePattern('a*b?[c]\\d:<x>').glob()).toBe('a\\*b\\?\\[c\\]\\\\d:*')
})
