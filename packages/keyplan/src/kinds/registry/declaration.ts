import { commonOf, type Declaration, optionProblems } from '../../plan/declaration.ts'
import type { RegistryNamespace } from './contract.ts'
import { ownOptions, type RegistryOptions, type RegistryWhenDown } from './options.ts'
import { factsOf, type RegistrySettings, settingsOf } from './settings.ts'

export interface RegistryDeclaration<
  P extends string = string,
  In = never,
  Out = unknown,
  Field extends string = string,
  Down extends RegistryWhenDown = RegistryWhenDown,
> extends Declaration<'registry', P, RegistryNamespace<P, In, Out, Field, Exclude<Down, 'fail'>>> {
  readonly whenDown: Down
  readonly options: RegistrySettings
}

/**
 * Declares who is alive and what they can do: `registry('agents:<agentId>', { lease: '30s', metadata: json<Agent>() })`. The last
 * parameter names a member; where others stand before it there is a registry for each of their values.
 */
export function registry<
  const P extends string,
  In = undefined,
  Out = undefined,
  Field extends string = never,
  Down extends RegistryWhenDown = 'unknown',
>(pattern: P, options: RegistryOptions<P, In, Out, Field, Down> = {}): RegistryDeclaration<P, In, Out, Field, Down> {
  const given = options ?? {}
  const problems = optionProblems(options, Object.keys(ownOptions))
  const settings = settingsOf(pattern, given as never, problems)
  return {
    kind: 'registry',
    pattern,
    space: 'key',
    durability: 'durable',
    whenDown: settings.whenDown as Down,
    common: commonOf(given),
    options: settings,
    facts: factsOf(settings),
    problems,
    announce: settings.announce,
    gathers: settings.param,
  }
}
