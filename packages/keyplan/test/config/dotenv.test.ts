import { describe, expect, test } from 'vitest'
import { readDotenv } from '../../src/config/file/dotenv.ts'

function read(text: string, own: Record<string, string> = {}) {
  const values = new Map<string, string>()
  const unreadable = readDotenv(text, values, name => own[name])
  return { ...Object.fromEntries(values), ...(unreadable.length > 0 && { unreadable }) }
}

describe('a file of variables', () => {
  test.each<[string, object]>([
    ['A=1', { A: '1' }],
    ['export A=1', { A: '1' }],
    ['  A = 1  ', { A: '1' }],
    ['A=', { A: '' }],
    ['# A=1\n\nB=2\r\nC=3', { B: '2', C: '3' }],
    ['\uFEFFA=1', { A: '1' }],
    ['A=1 # one', { A: '1' }],
    ['A= # nothing', { A: '' }],
    ['A=p@:/#%?é', { A: 'p@:/#%?é' }],
    ['A=a=b', { A: 'a=b' }],
    ['A="a # b" # c', { A: 'a # b' }],
    [`A='a \\n \${B}'`, { A: `a \\n \${B}` }],
    ['A="a\\nb \\"c\\""', { A: 'a\nb "c"' }],
    ['A="one\ntwo"\nB=3', { A: 'one\ntwo', B: '3' }],
    ['A=1\nA=2', { A: '2' }],
    [`A=1\nB=\${A}2`, { A: '1', B: '12' }],
    [`B=\${A:-other}`, { B: 'other' }],
    [`A=\nB=\${A:-other}`, { A: '', B: 'other' }],
    [`B=\${NONE}`, { B: '' }],
    [`A=a/b\nU=redis://:\${A}@here # it`, { A: 'a/b', U: 'redis://:a%2Fb@here' }],
    [`A=$B $$ \${`, { A: `$B $$ \${` }],
    ['nonsense\nA=1\n=2', { A: '1', unreadable: [1, 3] }],
    ['A="open\nB=2', { B: '2', unreadable: [1] }],
    ['A="a"b', { unreadable: [1] }],
  ])('%j', (text, values) => {
    expect(read(text)).toEqual(values)
  })

  test('is expanded with what the process has before what it says itself', () => {
    expect(read(`A=own\nB=\${A}`, { A: 'process' })).toEqual({ A: 'own', B: 'process' })
  })
})
