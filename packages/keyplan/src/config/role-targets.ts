import { type Layer, without } from './layer.ts'
import { optionRole, type Role } from './option-layer.ts'
import type { ConnectOptions } from './options.ts'
import { namesServer } from './place.ts'
import type { Sources } from './sources.ts'
import { ofPlace, ofServer } from './table/table.ts'
import { resolveTarget, type Target } from './target.ts'

export interface RoleTargets {
  /** The one server, or that of the durable role. Undefined when no server is named. */
  readonly target: Target | undefined
  /** The server of each role: the same object where they share one. Undefined when no server is named. */
  readonly targets: Readonly<Record<Role, Target>> | undefined
}

export const noTargets: RoleTargets = { targets: undefined, target: undefined }

export interface RoleLayers {
  /** What the options say of it. */
  readonly code: Layer | undefined
  readonly file: Layer | undefined
}

export function roleLayers(options: ConnectOptions, { file }: Sources, problems: string[]): Record<Role, RoleLayers> {
  const of = (role: Role) => ({ code: optionRole(options, role, problems), file: file?.roles[role] })
  return { cache: of('cache'), durable: of('durable') }
}

/**
 * A role's own server is laid over the one server; if it says where it is, nothing of that place is left. Where the
 * options say it, it is that server alone.
 */
export function targetsOf(
  roles: Record<Role, RoleLayers>,
  all: readonly Layer[],
  problems: string[],
  warnings: string[],
): RoleTargets {
  const own = (role: Role) => roles[role].code ?? roles[role].file
  const shared = own('cache') && own('durable') ? undefined : resolveTarget(all, problems, warnings)
  const targetOf = (role: Role) => {
    const { code, file } = roles[role]
    if (!code && !file) return shared
    const upper = [code, file].filter(layer => layer !== undefined)
    if (code && namesServer(code)) {
      const alone = [file, ...all].filter(layer => layer !== undefined).map(layer => without(layer, ofServer))
      return resolveTarget([code, ...alone], problems, warnings)
    }
    const base = upper.some(namesServer) ? all.map(layer => without(layer, ofPlace)) : all
    return resolveTarget([...upper, ...base], problems, warnings)
  }
  const [cache, durable] = [targetOf('cache'), targetOf('durable')]
  if (cache && durable) return { target: durable, targets: { cache, durable } }
  const missing = cache ? 'durable' : 'cache'
  if (cache || durable) problems.push(`no server is configured for the role ${missing}: set url or servers.${missing}`)
  return noTargets
}

/** What is to be said in production of servers without a password. */
export function openServers(targets: RoleTargets['targets'], others: readonly Target[] = []): string[] {
  if (!targets) return []
  return [...new Set([targets.cache, targets.durable, ...others])]
    .filter(({ access, addresses }) => !access.password && addresses[0]?.path === undefined)
    .map(({ addresses: [first] }) => {
      const server = first ? ` for ${first.host}:${first.port}` : ''
      return `no password is configured${server}, in production: whoever reaches it may do anything with it`
    })
}
