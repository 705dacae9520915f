import { library } from './folder.ts'

const ops = import.meta.resolve('@keyplan/ops')

/**
 * Of a worker module in TypeScript, which writes a line for each entry: `began 7`, `handled 7`. An entry of -1 kills the
 * process, -2 blocks it for ever, -3 takes until its signal fires, and -4 takes 700 ms.
 */
export const workerText = `import { writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { definePlan, json, stream } from '${library.plan}'
import { defineWorker } from '${ops}'

interface Entry { n: number }
const plan = definePlan('shop', {
  events: stream('events', {
    value: json<Entry>(),
    groups: { workers: { start: '0' } },
    claimAfter: '400ms',
    block: '500ms',
    batch: 20,
    retry: { attempts: 1, delay: '20ms', max: '100ms' },
  }),
})
const say = (what: string, n: number) => writeSync(1, what + ' ' + n + '\\n')

export default defineWorker(plan, {
  connect: { backoff: { min: '10ms', max: '100ms' } },
  work: {
    events: {
      workers: {
        concurrency: 4,
        async handle({ value: { n }, signal }, redis) {
          say('began', n)
          if (n === -1) process.kill(process.pid, 'SIGKILL')
          while (n === -2);
          if (n === -3) await new Promise(resolve => signal.addEventListener('abort', resolve))
          await sleep(n === -4 ? 700 : 2)
          say('handled', n)
        },
      },
    },
  },
  close: () => say('closed', 0),
})
`
