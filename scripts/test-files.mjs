// Runs files of tests, and those that failed once more.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root, run } from './bootstrap.mjs'

/** So many files may stand in the way of a success by chance. */
const mostAgain = 10

/**
 * Runs projects of vitest.config.ts. A shared machine may stand still for a second, which is longer than many a lease here:
 * with `again`, the few files that failed are run once more, by themselves and with servers of their own. What fails twice
 * is broken.
 *
 * @returns the counts, and what is to be said of each test that failed
 */
export function runTestFiles(projects, { again }) {
  const first = runOnce(projects)
  const failed = first.files.filter(({ counts }) => counts.failed > 0)
  if (!again || failed.length === 0 || failed.length > mostAgain) return summary(first)
  console.log(`\n— once more: ${failed.map(({ file }) => file).join(', ')}`)
  const second = runOnce(
    projects,
    failed.map(({ file }) => file),
  )
  const files = first.files.map(one => {
    const other = second.files.find(({ file }) => file === one.file)
    if (!other) return one
    const sign = other.counts.failed === 0 ? 'failed, and passed when it was run once more:' : 'failed twice:'
    return { ...other, troubles: [...one.troubles.map(text => `${sign} ${text}`), ...other.troubles] }
  })
  return summary({ files, stray: [...first.stray, ...second.stray] })
}

function runOnce(projects, files = []) {
  const folder = mkdtempSync(join(tmpdir(), 'keyplan-test-'))
  const outcome = join(folder, 'outcome.json')
  process.env.KEYPLAN_TEST_OUTCOME = outcome
  try {
    run(
      'vitest',
      'run',
      ...files,
      ...projects.map(project => `--project=${project}`),
      '--passWithNoTests',
      '--reporter=default',
      `--reporter=${join(root, 'scripts/outcome-reporter.mjs')}`,
    )
    if (existsSync(outcome)) return JSON.parse(readFileSync(outcome, 'utf8'))
    return { files: [], stray: ['The runner of the tests ended before it could tell what became of them'] }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** An error outside of any test is a failure too. */
function summary({ files, stray }) {
  const counts = { passed: 0, failed: stray.length, skipped: 0 }
  for (const file of files) for (const outcome of Object.keys(counts)) counts[outcome] += file.counts[outcome]
  return { counts, troubles: [...files.flatMap(({ troubles }) => troubles), ...stray] }
}
