// npm test: every check there is. The last line counts them.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { build, installPackages, provideRedis, root, run } from './bootstrap.mjs'
import { runTestFiles } from './test-files.mjs'

const total = { passed: 0, failed: 0, skipped: 0 }

/** What is said at the end of each test that failed. */
const troubles = []

/** A step that counts as one check. */
async function check(name, step) {
  console.log(`\n— ${name}`)
  const passed = await step()
  total[passed ? 'passed' : 'failed']++
  if (!passed) console.log(`✗ ${name} failed`)
  return passed
}

/** The folders with tests whose types are checked, by their tsconfig. */
function typedTests() {
  const folders = ['packages', 'examples'].flatMap(group =>
    readdirSync(join(root, group)).map(name => `${group}/${name}`),
  )
  return [...folders, 'bench']
    .map(folder => `${folder}/test/tsconfig.json`)
    .filter(file => existsSync(join(root, file)))
}

/** In a process of its own, since it answers by its exit code. */
function typeCostKeepsItsGoal() {
  const script = join(root, 'scripts/type-cost.mjs')
  return spawnSync(process.execPath, [script], { cwd: root, stdio: 'inherit' }).status === 0
}

function runTests(name, ...projects) {
  console.log(`\n— ${name}`)
  const { counts, troubles: told } = runTestFiles(projects, { again: Boolean(process.env.CI) })
  for (const [outcome, number] of Object.entries(counts)) total[outcome] += number
  troubles.push(...told)
}

async function runAll() {
  if (!(await check('npm packages', installPackages))) return
  await check('format and lint', () => run('biome', 'ci', '.'))
  const built = await check('types and build', build)
  if (built) await check('type cost', typeCostKeepsItsGoal)
  for (const file of typedTests()) await check(`types of ${file}`, () => run('tsc', '-p', file, '--noEmit'))
  if (!built && !existsSync(join(root, 'packages/local/dist/index.js'))) return
  // The tests are about real servers: without one there is nothing to test.
  if (!(await check('redis-server', async () => (await provideRedis()) !== undefined))) return
  runTests('tests', 'tests', 'example-*')
  runTests('packaging', 'packaging')
}

await runAll()
for (const trouble of troubles) console.log(`\n✗ ${trouble}`)
const skipped = total.skipped === 0 ? '' : `, ${total.skipped} skipped`
console.log(`\n${total.passed} passed, ${total.failed} failed${skipped}`)
process.exitCode = total.failed === 0 ? 0 : 1
