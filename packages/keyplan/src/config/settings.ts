import { KeyplanError, kindOf } from '../base/error.ts'
import { type ExplainedSetting, explainLayers } from './explain.ts'
import { over } from './layer.ts'
import { roleProblems } from './option-layer.ts'
import type { ConnectOptions } from './options.ts'
import { type Patience, patienceOf } from './patience.ts'
import { quorumTargets } from './quorum-targets.ts'
import { noTargets, openServers, type RoleTargets, roleLayers, targetsOf } from './role-targets.ts'
import { type ServerConfiguration, serverConfigurationOf } from './server-configuration.ts'
import { environmentOf, layersOf, memoryOf, type Sources } from './sources.ts'
import type { Target } from './target.ts'

/** Kinds that are switched off are answered without Redis. */
export interface Features {
  readonly cache: boolean
  readonly rateLimit: boolean
  readonly channel: boolean
  readonly session: boolean
}

/** Connect options with every default filled in; times in milliseconds, and no targets in memory mode. */
export interface Settings extends Patience, RoleTargets {
  /** Servers that know nothing of each other, for locks that most of them vote for. */
  readonly quorum: readonly Target[] | undefined
  readonly environment: string
  readonly prefix: string | undefined
  readonly start: 'optional' | 'required'
  readonly features: Features
  /** To be said at each start. */
  readonly warnings: readonly string[]
  /** What is not a client's to do: for generating and checking the server's own configuration. */
  readonly serverConfiguration: ServerConfiguration
  /** Each setting that has a value, and who gave it. Secrets are masked. */
  readonly explained: readonly ExplainedSetting[]
}

/**
 * Options win over the environment, the environment over a file, and all over the defaults.
 *
 * @throws KeyplanError CONFIG_INVALID with every problem at once, before anything is opened
 */
export function resolveSettings(options: ConnectOptions, env: NodeJS.ProcessEnv): Settings {
  return resolveSources(options, { variables: { values: env }, environment: environmentOf(env) })
}

/** @throws KeyplanError CONFIG_INVALID with every problem at once */
export function resolveSources(options: ConnectOptions, sources: Sources): Settings {
  if (typeof options !== 'object' || options === null) {
    throw new KeyplanError('CONFIG_INVALID', `options is ${kindOf(options)}; write an object such as { url }`)
  }
  const problems = [...(sources.problems ?? []), ...roleProblems(options)]
  const warnings = [...(sources.file?.warnings ?? [])]
  const layers = layersOf(options, sources, problems, warnings)
  const all = over(...layers)
  const memory = memoryOf(options, all, warnings)
  const ofRoles = roleLayers(options, sources, problems)
  const { targets, target } = memory ? noTargets : targetsOf(ofRoles, layers, problems, warnings)
  const quorum = memory ? undefined : quorumTargets(layers, problems, warnings)
  const production = sources.environment === 'production' || sources.variables.values.NODE_ENV === 'production'
  const start = all.get('start')
  if (!target && !memory && (production || start?.value === 'required') && problems.length === 0) {
    const why = start?.value === 'required' ? `, and ${start.source} asks for one` : ''
    problems.push(
      `no server is configured${why}: set url or REDIS_URL, or write memory: true or ENABLE_REDIS=false to run in this process alone`,
    )
  }
  const patience = patienceOf(all, warnings)
  if (patience.backoff.min > patience.backoff.max) problems.push('backoff.min is longer than backoff.max')
  if (problems.length > 0) throw invalid(sources.what ?? 'cannot connect', [...new Set(problems)])
  if (production) warnings.push(...openServers(targets, quorum))
  return {
    ...patience,
    target,
    targets,
    quorum,
    environment: sources.environment,
    prefix: all.get('prefix')?.value,
    start: start?.value ?? 'optional',
    features: {
      cache: all.get('features.cache')?.value ?? true,
      rateLimit: all.get('features.rate_limit')?.value ?? true,
      channel: all.get('features.channel')?.value ?? true,
      session: all.get('features.session')?.value ?? true,
    },
    warnings: [...new Set(warnings)],
    serverConfiguration: serverConfigurationOf(all),
    explained: explainLayers(all, ofRoles),
  }
}

/** One problem in one line, several in a list. */
function invalid(what: string, problems: readonly string[]): KeyplanError {
  const list = problems.length === 1 ? ` ${problems[0]}` : problems.map(problem => `\n- ${problem}`).join('')
  return new KeyplanError('CONFIG_INVALID', `${what}:${list}`, { problems })
}
