// npm run import-cost: what importing the library adds to the start of an empty Node process, in milliseconds.
// Medians over interleaved runs, so that a busy moment of the machine touches all subjects alike.
import { spawnSync } from 'node:child_process'
import { root } from './bootstrap.mjs'

const rounds = Number(process.argv[2] ?? 31)
if (!Number.isInteger(rounds) || rounds < 1) {
  console.error('usage: npm run import-cost [-- rounds]')
  process.exit(64)
}

const goals = { keyplan: 15, 'keyplan/client': 60 }
const subjects = { '(nothing)': '', ...Object.fromEntries(Object.keys(goals).map(name => [name, `import '${name}'`])) }
const samples = Object.fromEntries(Object.keys(subjects).map(name => [name, []]))

// Round 0 warms the file cache and is thrown away.
for (let round = 0; round <= rounds; round++) {
  for (const [name, code] of Object.entries(subjects)) {
    const startedAt = performance.now()
    const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', code], { cwd: root })
    const took = performance.now() - startedAt
    if (status !== 0) {
      console.error(`${name} could not be imported (run npm run build first):\n${stderr}`)
      process.exit(1)
    }
    if (round > 0) samples[name].push(took)
  }
}

const median = values => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
const empty = median(samples['(nothing)'])
console.log(`an empty process: ${empty.toFixed(1)} ms (median of ${rounds})`)
for (const [name, goal] of Object.entries(goals)) {
  console.log(`${name}: ${(median(samples[name]) - empty).toFixed(1)} ms more (goal: under ${goal})`)
}
