import type { ExplainedSetting } from '../explain.ts'
import type { ConnectOptions } from '../options.ts'
import type { ServerConfiguration } from '../server-configuration.ts'
import { resolveSources, type Settings } from '../settings.ts'
import type { FileLayers } from '../sources.ts'
import { findFile, type LoadModule, readDocument } from './document.ts'
import { fileLayers } from './layers.ts'
import { loadVariables } from './variables.ts'

export interface ConfigurationSource {
  /**
   * A configuration file. `true`: the one of the folder, which must be there. `false`: none. Default: the one of the
   * folder, if there is one.
   */
  readonly file?: string | boolean | undefined
  /** Where relative paths begin. Default: the working directory. */
  readonly folder?: string | undefined
  /** Which environment of the file counts. Default: `KEYPLAN_ENV`, else `NODE_ENV`, else `development`. */
  readonly environment?: string | undefined
  /** Default: those of the process. */
  readonly env?: NodeJS.ProcessEnv | undefined
  /** A file of variables, or `true` for `.env`; with it goes the same name and `.<environment>`. Default: none. */
  readonly envFile?: string | true | undefined
  /** Loads a configuration that is written as a module. Default: Node's own import. */
  readonly loadModule?: LoadModule | undefined
}

/** What a file and the environment say. It holds no secret that could be printed: those are functions. */
export interface Configuration {
  readonly environment: string
  /** Relative to the folder; undefined when there is none. */
  readonly file: string | undefined
  /** As they are without options. */
  readonly settings: Settings
  /** To be said at each start. */
  readonly warnings: readonly string[]
  readonly serverConfiguration: ServerConfiguration
  /**
   * The same with the options of `connect`, which win.
   *
   * @throws KeyplanError CONFIG_INVALID
   */
  resolve(options: ConnectOptions): Settings
}

/**
 * Reads `keyplan.yaml`, `.json` or `.ts`, variables and their files, and checks all of it.
 *
 * @throws KeyplanError CONFIG_INVALID with every problem at once, each with its file, path and kind of value
 */
export async function loadConfiguration(source: ConfigurationSource = {}): Promise<Configuration> {
  const { resolve, ...rest } = await readSources(source)
  const settings = resolve({}, 'the configuration is not valid')
  const { warnings, serverConfiguration } = settings
  return { ...rest, settings, warnings, serverConfiguration, resolve: options => resolve(options, 'cannot connect') }
}

/**
 * The settings of `connect(plan, { config, envFile, … })`. They are resolved once, so that what the options answer is no
 * problem of the file.
 *
 * @throws KeyplanError CONFIG_INVALID with every problem at once
 */
export async function loadSettings(options: ConnectOptions, env: NodeJS.ProcessEnv): Promise<Settings> {
  const { config, envFile } = options
  const { resolve } = await readSources({ file: config ?? false, envFile, env })
  return resolve(options, 'cannot connect')
}

async function readSources(source: ConfigurationSource) {
  const { folder = process.cwd(), env = process.env, envFile } = source
  const problems: string[] = []
  const loaded = await loadVariables(env, envFile, folder, source.environment, problems)
  const { variables, environment } = loaded
  const file =
    typeof source.file === 'string' ? source.file : source.file === false ? undefined : await findFile(folder, problems)
  if (source.file === true && !file) problems.push('there is no keyplan.yaml, keyplan.json or keyplan.ts')
  const byName = source.environment !== undefined || Boolean(variables.values.KEYPLAN_ENV?.trim())
  let layers: FileLayers | undefined
  if (file !== undefined) {
    const tree = await readDocument(file, folder, source.loadModule, problems)
    layers = fileLayers(tree, file, environment, byName, variables, problems)
  }
  const resolve = (options: ConnectOptions, what: string) =>
    resolveSources(options, { variables, environment, file: layers, problems, what })
  return { environment, file, resolve }
}

/** Each setting that has a value, and who gave it: for `keyplan config`. Secrets are masked. */
export function explain(configuration: Pick<Configuration, 'settings'>): readonly ExplainedSetting[] {
  return configuration.settings.explained
}
