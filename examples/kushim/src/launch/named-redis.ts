import { isKeyplanError } from 'keyplan'
import { type Address, loadConfiguration, type Setting, settingsTable, type Target } from 'keyplan/config'

/** A Redis that is there already. */
export interface NamedRedis {
  /** For a person. */
  readonly where: string
  /** The command that shows its keys, where one does. */
  readonly look: string | undefined
}

/** The variables that say where a server is. */
const places = (settingsTable as readonly Setting[])
  .filter(({ path }) =>
    /^redis\.(url|address|host|port|sentinel\.addresses|cluster\.addresses|elasticache\.enabled)$/.test(path),
  )
  .flatMap(({ env = {} }) => Object.keys(env))

/**
 * What to say of the Redis that the environment or `.env` names; undefined where they name none. What is wrong with it
 * is for the instances to tell.
 */
export async function namedRedis(variables: NodeJS.ProcessEnv): Promise<NamedRedis | undefined> {
  try {
    const { settings } = await loadConfiguration({ file: false, envFile: true, env: variables })
    return settings.target && shown(settings.target)
  } catch (error) {
    if (!isKeyplanError(error, 'CONFIG_INVALID')) throw error
    // In production it is also wrong to name none, which is what this launcher makes good.
    return places.some(name => variables[name]?.trim())
      ? { where: 'as the environment says', look: undefined }
      : undefined
  }
}

function shown({ topology, addresses, access }: Target): NamedRedis {
  const where = addresses.map(place).join(', ')
  if (topology !== 'standalone') return { where: `${topology} at ${where}`, look: undefined }
  const [{ host, port } = {}] = addresses
  const look = host && !access.tls && `redis-cli -h ${host} -p ${port} [-a password] --scan`
  return { where: `${where} (REDIS_URL)`, look: look || undefined }
}

const place = ({ host, port, path }: Address) => path ?? `${host}:${port}`
