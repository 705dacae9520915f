import { durationMs, KeyplanError } from 'keyplan'
import { startGuardian } from '../dev/guardian.ts'
import { isModulePath } from '../module/load-module.ts'
import { type HealthServer, openHealthServer } from '../worker/health-server.ts'
import type { Snapshot } from '../worker/snapshot.ts'
import { createSupervisor } from '../worker/supervisor.ts'
import { defineAction } from './action.ts'
import { type Option, readOption } from './option.ts'
import { columns, type Report } from './report.ts'

const port = { kind: 'port', help: 'of health and metrics (default: WORKER_HEALTH_PORT, else any free one)' } as const

export const worker = defineAction({
  name: 'worker',
  summary: "Runs a module's stream handlers as a supervised process, with health and metrics.",
  details:
    'The module exports defineWorker(plan, { work: … }) by default; Redis is where its environment says. A process that ' +
    'ends is started again after a pause that grows from 0.1 to 30 s. Ctrl-C and SIGTERM let handlers finish for the grace and give ' +
    'back the rest; to be told twice ends at once. GET /health (or /health/ready) is 200 while entries are taken and 503 ' +
    'while not, /health/live is 200 as long as this command runs, /metrics is for Prometheus.',
  examples: ['keyplan worker ./worker.ts', 'WORKER_CONSUMER_NAME=mailer-1 keyplan worker ./worker.ts --port 9400'],
  input: {
    file: { kind: 'path', operand: true, help: 'the module with the handlers, TypeScript or JavaScript' },
    port,
    host: { kind: 'text', default: '127.0.0.1', help: 'the address where health and metrics are told' },
    grace: { kind: 'duration', default: '10s', help: 'how long handlers may take to finish at the end' },
    stall: { kind: 'duration', default: '30s', help: 'a process that says nothing for this long is killed' },
  },
  effect: 'run',
  async run({ file, port: given, host, grace, stall }, { env, folder, ending, tell, note }) {
    if (file === undefined || !isModulePath(file)) {
      const what = file === undefined ? 'no module was named' : `${file} is no module`
      throw new KeyplanError('PARAM_INVALID', `${what}: write keyplan worker ./worker.ts`)
    }
    const guardian = startGuardian()
    let health: HealthServer | undefined
    try {
      const supervisor = createSupervisor({
        file,
        folder,
        graceMs: durationMs(grace),
        stallMs: durationMs(stall),
        env,
        ending,
        guardian,
        note,
        began: (pid, snapshot) => tell(begun(pid, snapshot, health?.url)),
      })
      health = await openHealthServer(host, given ?? portOf(env), () => supervisor.supervised)
      ending.addEventListener('abort', () => note('draining …'), { once: true })
      const exitCode = await supervisor.run()
      note('stopped')
      return { data: undefined, exitCode }
    } finally {
      health?.close()
      guardian.dismiss()
    }
  },
})

function portOf({ WORKER_HEALTH_PORT: written }: NodeJS.ProcessEnv): number {
  const option: Option = port
  return written ? (readOption(option, written, 'WORKER_HEALTH_PORT') as number) : 0
}

function begun(pid: number, { plan, redis, workers }: Snapshot, url: string | undefined): Report {
  const named = workers.map(({ stream, group, params, consumer }) => ({ stream, group, params, consumer }))
  return {
    data: { plan, pid, url, redis: redis.state, workers: named },
    text: paint => {
      const rows = named.map(({ stream, group, params = '', consumer }) => [stream, group, params, consumer])
      return [
        `${paint('bold', plan)} is at work (pid ${pid}): ${paint('bold', `${url}/health`)}`,
        ...columns(rows, cell => cell).map(line => `  ${line}`),
      ].join('\n')
    },
  }
}
