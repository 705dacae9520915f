import type { ProxyLink, RedisProcess } from '@keyplan/local'

/** A figure of INFO, such as `rejected_connections` of `stats`. 0 where the server has none. */
export async function infoFigure(server: RedisProcess, section: string, name: string): Promise<number> {
  const info = String(await server.ask('INFO', section))
  return Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0)
}

/** How often the server has run a command since its figures were reset. */
export async function timesRun(server: RedisProcess, command: string): Promise<number> {
  const info = String(await server.ask('INFO', 'commandstats'))
  return Number(new RegExp(`^cmdstat_${command}:calls=(\\d+)`, 'm').exec(info)?.[1] ?? 0)
}

export async function runId(server: RedisProcess): Promise<string> {
  return /^run_id:(\S+)/m.exec(String(await server.ask('INFO', 'server')))?.[1] ?? ''
}

/** One connection of the library, in the eyes of the server. */
export interface ServerLink {
  readonly id: string
  readonly port: number
}

/** The connections of one role that the server has, the oldest first. */
export async function serverLinks(server: RedisProcess, role: string): Promise<ServerLink[]> {
  const list = String(await server.ask('CLIENT', 'LIST'))
  return list
    .split('\n')
    .filter(line => / name=keyplan:/.test(line) && line.includes(`:${role}:`))
    .map(line => ({
      id: / ?id=(\d+)/.exec(line)?.[1] ?? '',
      port: Number(/ addr=[^ ]*:(\d+) /.exec(line)?.[1]),
    }))
}

/** The proxy's side of such a connection. */
export function proxyLinkOf(links: readonly ProxyLink[], { port }: ServerLink): ProxyLink {
  const found = links.find(({ portAtServer }) => portAtServer === port)
  if (!found) throw new Error(`the proxy has no connection from port ${port}`)
  return found
}
