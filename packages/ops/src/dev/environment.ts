import { type Setting, settingsTable } from 'keyplan/config'

/** Settings that say where a server is and how to be let in. */
const ofServer =
  /^redis\.((url|address|host|port|username|password|password_file|db|enabled|nat_map)$|(replicas|sentinel|cluster|elasticache|tls)\.)/

const variables: ReadonlySet<string> = new Set(
  (settingsTable as readonly Setting[])
    .filter(({ path }) => ofServer.test(path))
    .flatMap(({ env = {} }) => Object.keys(env)),
)

/** The variables of `env` that speak of another server than the one that `own` names: they would be mixed up with it. */
export function foreignVariables(env: NodeJS.ProcessEnv, own: Readonly<Record<string, string>>): string[] {
  return Object.keys(env).filter(name => variables.has(name) && env[name]?.trim() && !(name in own))
}

/** What a program gets that is to use `own`, and no other server. */
export function programEnvironment(env: NodeJS.ProcessEnv, own: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const foreign = new Set(foreignVariables(env, own))
  return { ...Object.fromEntries(Object.entries(env).filter(([name]) => !foreign.has(name))), ...own }
}

/** `NAME=value` lines, as shells and readers of `.env` files understand them. */
export function environmentLines(own: Readonly<Record<string, string>>): string[] {
  return Object.entries(own).map(([name, value]) => `${name}=${quoted(value)}`)
}

function quoted(value: string): string {
  return /^[\w.,:/@%+-]*$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`
}
