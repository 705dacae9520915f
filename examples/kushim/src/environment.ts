import { resolve } from 'node:path'

/** What one instance is told by its environment. */
export interface Environment {
  /** The interface it listens on; the loopback one unless told otherwise. */
  readonly host: string
  readonly port: number
  readonly redisUrl: string | undefined
  /** A PostgreSQL server of yours. */
  readonly databaseUrl: string | undefined
  /** An embedded database that is running already; the launcher hands it to its instances. */
  readonly embeddedUrl: string | undefined
  /** Where the embedded database that instances started by hand share listens. */
  readonly embeddedPort: number
  /** Where data is kept; without it, it lives as long as the processes. */
  readonly dataFolder: string | undefined
}

type Variables = Readonly<Record<string, string | undefined>>

export function portNumber(name: string, value: string): number {
  const port = Number(value)
  if (!/^\d+$/.test(value) || port > 65_535) throw new Error(`${name} must be a port number from 0 to 65535`)
  return port
}

const said = (value: string | undefined) => value?.trim() || undefined

/** @throws Error naming the variable that is wrong, never its value where it may hold a password */
export function readEnvironment(variables: Variables): Environment {
  const folder = said(variables.KUSHIM_DATA)
  return {
    host: said(variables.HOST) ?? '127.0.0.1',
    port: portNumber('PORT', said(variables.PORT) ?? '3001'),
    redisUrl: said(variables.REDIS_URL),
    databaseUrl: said(variables.DATABASE_URL),
    embeddedUrl: said(variables.KUSHIM_EMBEDDED_URL),
    embeddedPort: portNumber('KUSHIM_EMBEDDED_PORT', said(variables.KUSHIM_EMBEDDED_PORT) ?? '15439'),
    dataFolder: folder && resolve(folder),
  }
}

/** The ports of the instances the launcher starts. @throws Error */
export function readPorts(variables: Variables): number[] {
  const ports = (said(variables.KUSHIM_PORTS) ?? '3001,3002')
    .split(',')
    .map(part => portNumber('KUSHIM_PORTS', part.trim()))
  if (new Set(ports.filter(port => port !== 0)).size !== ports.filter(port => port !== 0).length) {
    throw new Error('KUSHIM_PORTS names a port twice')
  }
  return ports
}
