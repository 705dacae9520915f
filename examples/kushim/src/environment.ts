import { resolve } from 'node:path'
import { databaseServer } from './database/database.ts'
import { StartProblem } from './start-problem.ts'

/** What one instance is told by its environment, except where Redis is: the client reads that by itself. */
export interface Environment {
  /** The interface it listens on; the loopback one unless told otherwise. */
  readonly host: string
  readonly port: number
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

/** An empty variable is one that is not set. */
const said = (value: string | undefined) => value?.trim() || undefined

const isPort = (text: string) => /^\d{1,5}$/.test(text) && Number(text) <= 65_535

function portNumber(variables: Variables, name: string, usual: number): number {
  const value = said(variables[name]) ?? String(usual)
  if (!isPort(value)) {
    throw new StartProblem(
      `${name} is "${value}", which is no port; write a whole number from 0 (any free one) to 65535`,
    )
  }
  return Number(value)
}

function readDatabaseUrl(value: string | undefined): string | undefined {
  if (value === undefined) return undefined
  try {
    if (!/^postgres(ql)?:\/\//i.test(value)) throw new Error('it begins with another scheme')
    databaseServer(value)
  } catch {
    throw new StartProblem(
      'DATABASE_URL is no PostgreSQL URL; write postgres://user:password@host:5432/database, with : / @ # ? and % of the password percent-encoded',
    )
  }
  return value
}

/** @throws StartProblem naming the variable that is wrong, never its value where it may hold a password */
export function readEnvironment(variables: Variables): Environment {
  const folder = said(variables.KUSHIM_DATA)
  return {
    host: said(variables.HOST) ?? '127.0.0.1',
    port: portNumber(variables, 'PORT', 3001),
    databaseUrl: readDatabaseUrl(said(variables.DATABASE_URL)),
    embeddedUrl: said(variables.KUSHIM_EMBEDDED_URL),
    embeddedPort: portNumber(variables, 'KUSHIM_EMBEDDED_PORT', 15_439),
    dataFolder: folder && resolve(folder),
  }
}

/** The ports of the instances the launcher starts. @throws StartProblem */
export function readPorts(variables: Variables): number[] {
  const value = said(variables.KUSHIM_PORTS) ?? '3001,3002'
  const remedy =
    'write different whole numbers from 0 (any free one) to 65535 with commas between them, such as 3001,3002'
  const parts = value.split(',').map(part => part.trim())
  const wrong = parts.find(part => !isPort(part))
  if (wrong !== undefined) throw new StartProblem(`KUSHIM_PORTS is "${value}", and "${wrong}" is no port; ${remedy}`)
  const ports = parts.map(Number)
  const twice = ports.find((port, index) => port !== 0 && ports.indexOf(port) !== index)
  if (twice !== undefined) throw new StartProblem(`KUSHIM_PORTS is "${value}", which names ${twice} twice; ${remedy}`)
  return ports
}
