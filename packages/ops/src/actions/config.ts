import { type Configuration, explain, loadConfiguration } from 'keyplan/config'
import { loadModule } from '../module/load-module.ts'
import { defineAction } from './action.ts'
import { columns, type Paint } from './report.ts'

export const config = defineAction({
  name: 'config',
  summary: 'Shows each setting with its value and where it comes from; secrets are masked.',
  details:
    'Reads keyplan.yaml, .json or .ts of this folder, .env and .env.<environment>, and the environment, which wins. ' +
    'All problems are told at once, and the exit code is 78 then.',
  examples: ['keyplan config', 'keyplan config --env production --file deploy/keyplan.yaml'],
  input: {
    env: {
      kind: 'text',
      help: 'the environment of the file that counts (default: KEYPLAN_ENV, NODE_ENV, development)',
    },
    file: { kind: 'path', help: 'a configuration file (default: the one of this folder, if any)' },
  },
  effect: 'read',
  async run({ env: environment, file }, { env, folder }) {
    const configuration = await loadConfiguration({ environment, file, folder, env, envFile: true, loadModule })
    const settings = explain(configuration)
    const { warnings } = configuration
    const server = serverOf(configuration)
    return {
      data: { environment: configuration.environment, file: configuration.file ?? null, server, settings, warnings },
      text: paint => textOf(configuration, server, paint),
    }
  },
})

function serverOf({ settings }: Configuration): string {
  const { targets } = settings
  if (!targets) return 'none: in memory'
  const { cache, durable } = targets
  if (cache === durable) return durable.topology
  return `${cache.topology} for what may be evicted, ${durable.topology} for what must not be`
}

function textOf(configuration: Configuration, server: string, paint: Paint): string {
  const { environment, file = 'none', warnings } = configuration
  const styles = ['bold', undefined, 'dim', 'dim'] as const
  const rows = explain(configuration).map(({ setting, value, source, note }) => [
    setting,
    value,
    source,
    note === undefined ? '' : `(${note.replaceAll('`', '')})`,
  ])
  return [
    `environment ${paint('bold', environment)} · file ${paint('bold', file)} · server ${paint('bold', server)}`,
    '',
    ...columns(rows, (cell, column) => (styles[column] === undefined ? cell : paint(styles[column], cell))),
    ...(warnings.length > 0 ? [''] : []),
    ...warnings.map(warning => `${paint('yellow', 'warning:')} ${warning}`),
  ].join('\n')
}
