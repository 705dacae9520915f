// Runs files of tests and reads what became of each.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
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
  return summary({ files, succeeded: second.succeeded })
}

function runOnce(projects, files = []) {
  const folder = mkdtempSync(join(tmpdir(), 'keyplan-test-'))
  const outputFile = join(folder, 'report.json')
  try {
    const succeeded = run(
      'vitest',
      'run',
      ...files,
      ...projects.map(project => `--project=${project}`),
      '--passWithNoTests',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${outputFile}`,
    )
    const report = existsSync(outputFile) ? JSON.parse(readFileSync(outputFile, 'utf8')) : { testResults: [] }
    return { files: report.testResults.map(readFile), succeeded }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function readFile({ name, status, message, assertionResults: tests }) {
  const file = relative(root, name)
  const failed = tests.filter(test => test.status === 'failed')
  const passed = tests.filter(test => test.status === 'passed').length
  // It could not be loaded, or what it does before or after its tests failed.
  if (status === 'failed' && failed.length === 0)
    return {
      file,
      counts: { passed, failed: 1, skipped: tests.length - passed },
      troubles: [`${file}\n${beginning(message)}`],
    }
  return {
    file,
    counts: { passed, failed: failed.length, skipped: tests.length - passed - failed.length },
    troubles: failed.map(({ fullName, failureMessages }) =>
      [`${file} > ${fullName}`, ...failureMessages.map(beginning)].join('\n'),
    ),
  }
}

/** A long list of differences would hide all others, and so would the runner's own frames. */
function beginning(message) {
  // What the runner says of a test whose time was over.
  const lines = String(message).replace('STACK_TRACE_ERROR', 'timed out').split('\n')
  return lines
    .filter(line => !line.includes('node_modules'))
    .slice(0, 8)
    .join('\n')
}

function summary({ files, succeeded }) {
  const counts = { passed: 0, failed: 0, skipped: 0 }
  for (const file of files) for (const outcome of Object.keys(counts)) counts[outcome] += file.counts[outcome]
  // An error outside of any test: the run failed although each test passed.
  if (!succeeded && counts.failed === 0) counts.failed++
  return { counts, troubles: files.flatMap(({ troubles }) => troubles) }
}
