import { type Topology, type TopologyName, topologies } from '@keyplan/local'
import { KeyplanError } from 'keyplan'
import { foreignVariables, programEnvironment } from '../dev/environment.ts'
import { requireOurs, writeEnvironmentFile } from '../dev/environment-file.ts'
import { startGuardian } from '../dev/guardian.ts'
import { runProgram } from '../dev/program.ts'
import { type Revival, reviveKilled } from '../dev/revival.ts'
import { startServers } from '../dev/servers.ts'
import { standing } from '../dev/standing.ts'
import { loadPlan } from '../module/load-plan.ts'
import { defineAction } from './action.ts'

const choices = Object.fromEntries(
  Object.entries(topologies).map(([name, { description }]) => [name, description]),
) as Record<TopologyName, string>

export const dev = defineAction({
  name: 'dev',
  summary: 'Starts private Redis servers for development, and stops all of them when it ends.',
  details:
    'The servers listen on free ports of 127.0.0.1, and what they hold goes with them; one that is killed is started ' +
    'again after 5 s. With a plan, that is checked and listed first. ' +
    'With a command behind --, that runs with the variables set, the servers end with it, and its exit code is passed ' +
    'on; what is said of the servers goes to standard error then. Without one, Ctrl-C ends them.',
  examples: [
    'keyplan dev --topology cluster',
    'keyplan dev --topology sentinel -- npm run start',
    'keyplan dev --tls --write-env .env.redis shop.plan.ts',
  ],
  input: {
    plan: { kind: 'path', operand: true, help: 'the file of a plan, checked before anything starts' },
    topology: { kind: 'choice', choices, default: 'standalone', help: 'which servers' },
    tls: { kind: 'flag', help: 'TLS only, with a certificate authority of its own' },
    port: { kind: 'port', help: 'of the server, with the topology standalone (default: any free one)' },
    redisServer: { kind: 'path', help: 'the program to start (default: redis-server on the PATH)' },
    // Node itself would take --env-file, wherever it stands on a command line.
    writeEnv: { kind: 'path', help: 'a file to write the variables to, removed at the end' },
    command: { kind: 'command', help: 'a program to run with the variables set' },
  },
  effect: 'run',
  async run({ plan: file, topology, tls, port, redisServer, writeEnv, command }, { env, folder, ending, tell, note }) {
    if (port !== undefined && topology !== 'standalone') {
      throw new KeyplanError('PARAM_INVALID', `--port is for one server: the servers of ${topology} choose free ports`)
    }
    if (writeEnv !== undefined) await requireOurs(writeEnv, folder)
    const plan = file === undefined ? undefined : await loadPlan(file, folder)
    for (const warning of plan?.warnings ?? []) note(`warning: ${warning}`)

    const begun = performance.now()
    note(`starting ${topologies[topology].description} …`)
    const guardian = startGuardian()
    let removeFile: (() => Promise<void>) | undefined
    let servers: Topology | undefined
    let revival: Revival | undefined
    let exitCode = 0
    try {
      servers = await startServers({ topology, tls, port, program: redisServer })
      const { environment } = servers
      if (writeEnv !== undefined) removeFile = await writeEnvironmentFile(writeEnv, folder, environment, guardian)
      if (!ending.aborted) {
        const foreign = foreignVariables(env, environment)
        tell(await standing(servers, { topology, plan, foreign, command, ms: Math.round(performance.now() - begun) }))
        revival = reviveKilled(servers.nodes, note)
        exitCode = command
          ? await runProgram(command, { env: programEnvironment(env, environment), folder, ending, guardian })
          : await ended(ending)
      }
    } finally {
      await revival?.stop()
      await removeFile?.()
      await servers?.stop()
      guardian.dismiss()
    }
    note('stopped')
    return { data: undefined, exitCode }
  },
})

/** Being told to end is how it ends well. */
function ended(ending: AbortSignal): Promise<0> {
  return new Promise(resolve => {
    // A signal listener alone does not keep a process running.
    const awake = setInterval(() => {}, 60_000)
    const end = () => {
      clearInterval(awake)
      resolve(0)
    }
    if (ending.aborted) end()
    else ending.addEventListener('abort', end, { once: true })
  })
}
