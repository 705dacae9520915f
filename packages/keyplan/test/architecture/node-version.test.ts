import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const check = fileURLToPath(new URL('../../../../scripts/node-version.cjs', import.meta.url))
const disguise = fileURLToPath(new URL('./node-disguise.cjs', import.meta.url))

/** Starts a program after the check, in a Node that takes itself for another version if one is given. */
function start(version?: string) {
  const preloads = version === undefined ? [check] : [disguise, check]
  const args = [...preloads.flatMap(file => ['-r', file]), '-e', 'console.log("started")']
  // Nothing else, lest Node has a word of its own to say on colours or NODE_OPTIONS.
  const env = { DISGUISE: version }
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' })
  return { status, stdout, stderr }
}

test.each(['0.10.48', '8.17.0', '18.20.8', '20.18.3'])('Node %s is told in one line what it lacks', version => {
  const stderr = `Keyplan needs Node 20.19 or later; this is ${version}.\n`
  expect(start(version)).toEqual({ status: 1, stdout: '', stderr })
})

test.each(['20.19.0', '22.12.0', '100.0.0'])('Node %s is new enough', version => {
  expect(start(version)).toEqual({ status: 0, stdout: 'started\n', stderr: '' })
})

test('the Node that runs here hears nothing', () => {
  expect(start()).toEqual({ status: 0, stdout: 'started\n', stderr: '' })
})
