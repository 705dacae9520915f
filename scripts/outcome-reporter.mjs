// Writes what became of each file of tests to the file that KEYPLAN_TEST_OUTCOME names, beside what another reporter prints.
import { writeFileSync } from 'node:fs'
import { relative } from 'node:path'

export default class OutcomeReporter {
  onInit({ config }) {
    this.root = config.root
  }

  onTestRunEnd(modules, unhandled) {
    const outcome = {
      files: modules.map(module => outcomeOf(module, relative(this.root, module.moduleId))),
      /** Outside of any test: nobody knows whose they are. */
      stray: unhandled.map(beginning),
    }
    writeFileSync(process.env.KEYPLAN_TEST_OUTCOME, JSON.stringify(outcome))
  }
}

function outcomeOf(module, file) {
  const counts = { passed: 0, failed: 0, skipped: 0 }
  const troubles = []
  for (const test of module.children.allTests()) {
    const { state, errors } = test.result()
    counts[state === 'pending' ? 'skipped' : state]++
    if (state === 'failed') troubles.push([`${file} > ${test.fullName}`, ...errors.map(beginning)].join('\n'))
  }
  // It could not be loaded, or what it does before or after its tests failed.
  const others = [...module.errors(), ...[...module.children.allSuites()].flatMap(suite => suite.errors())]
  if (others.length > 0 || (module.state() === 'failed' && counts.failed === 0)) {
    counts.failed++
    troubles.push([file, ...others.map(beginning)].join('\n'))
  }
  return { file, counts, troubles }
}

/** A long list of differences would hide all others, and so would the runner's own frames. */
function beginning({ name = 'Error', message = '', stack = '' }) {
  const frames = String(stack)
    .split('\n')
    .filter(line => /^\s+at .*\//.test(line) && !/node_modules|node:internal/.test(line))
  return [...`${name}: ${message}`.split('\n'), ...frames].slice(0, 8).join('\n')
}
