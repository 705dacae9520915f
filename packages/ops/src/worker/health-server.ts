import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { portHolder } from '@keyplan/local'
import { KeyplanError } from 'keyplan'
import { contentType, prometheusText } from '../watch/prometheus.ts'
import { workerHealth } from './health.ts'
import { workerMetrics } from './metrics.ts'
import type { Supervised } from './supervisor.ts'

export interface HealthServer {
  /** `http://127.0.0.1:4000` */
  readonly url: string
  close(): void
}

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

const json = (status: number, value: object): Answer => ({
  status,
  type: 'application/json',
  body: `${JSON.stringify(value)}\n`,
})

function health(supervised: Supervised): Answer {
  const told = workerHealth(supervised)
  return json(told.status === 'up' ? 200 : 503, told)
}

const routes: Readonly<Record<string, (supervised: Supervised) => Answer>> = {
  '/health': health,
  '/health/ready': health,
  // A process that is gone is started again: to end its supervisor too would gain nothing.
  '/health/live': () => json(200, { status: 'up' }),
  '/metrics': supervised => ({ status: 200, type: contentType, body: prometheusText(workerMetrics, supervised) }),
}

/**
 * Tells over HTTP how a supervised process is doing.
 *
 * @param port 0: any free one
 * @throws KeyplanError UNSUPPORTED when it cannot listen there
 */
export async function openHealthServer(host: string, port: number, read: () => Supervised): Promise<HealthServer> {
  const server = createServer(({ method, url }, response) => {
    const route = routes[(url ?? '').split('?', 1)[0]!]
    if (method !== 'GET' && method !== 'HEAD') write(response, json(405, { error: 'only GET is answered' }))
    else if (route) write(response, route(read()))
    else write(response, json(404, { error: 'not found', paths: Object.keys(routes) }))
  })
  try {
    server.listen(port, host)
    await once(server, 'listening')
  } catch (error) {
    throw new KeyplanError('UNSUPPORTED', await whyNot(host, port, error as NodeJS.ErrnoException), { cause: error })
  }
  const { address, port: found } = server.address() as AddressInfo
  return {
    url: `http://${address.includes(':') ? `[${address}]` : address}:${found}`,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

function write(response: ServerResponse, { status, type, body }: Answer): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body)
}

async function whyNot(host: string, port: number, { code }: NodeJS.ErrnoException): Promise<string> {
  if (code !== 'EADDRINUSE') return `health cannot be told at ${host}, port ${port}: ${code}`
  const holder = await portHolder(port)
  const by = holder ? ` by ${holder.command} (pid ${holder.pid})` : ''
  return `port ${port} is taken${by}: choose another with --port or WORKER_HEALTH_PORT`
}
