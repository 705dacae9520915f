import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { fileURLToPath } from 'node:url'

export interface Answer {
  readonly status: number
  /** `hit` or `miss`, where a cache was asked. */
  readonly cache: string | undefined
  readonly body: string
}

/** A Kushim instance in a process of its own, with a database of its own, and a keep-alive client to it. */
export interface Instance {
  ask(method: string, path: string, body?: unknown): Promise<Answer>
  stop(): Promise<void>
}

const script = fileURLToPath(new URL('../../../../examples/kushim/dist/main.js', import.meta.url))

/** @param redisUrl undefined for an instance that is told of no Redis */
export async function startInstance(redisUrl: string | undefined, user: string): Promise<Instance> {
  const child = fork(script, {
    env: { ...process.env, PORT: '0', REDIS_URL: redisUrl ?? '', DATABASE_URL: '', KUSHIM_EMBEDDED_PORT: '0' },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const url = await listening(child)
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY })
  const ask = (method: string, path: string, body?: unknown) =>
    new Promise<Answer>((resolve, reject) => {
      const headers = { 'x-user-id': user, ...(body === undefined ? {} : { 'content-type': 'application/json' }) }
      const sent = request(url + path, { method, agent, headers }, response => {
        const chunks: Buffer[] = []
        response.on('data', chunk => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const cache = response.headers['x-cache']
          resolve({
            status: response.statusCode ?? 0,
            cache: Array.isArray(cache) ? cache[0] : cache,
            body: Buffer.concat(chunks).toString(),
          })
        })
      })
      sent.on('error', reject)
      sent.end(body === undefined ? undefined : JSON.stringify(body))
    })
  return {
    ask,
    async stop() {
      agent.destroy()
      const exited = once(child, 'exit')
      child.kill()
      await exited
    },
  }
}

function listening(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('message', (message: { listening: string }) => resolve(message.listening))
    child.once('exit', () => reject(new Error('the Kushim instance ended before it listened')))
  })
}
