import { Redis } from 'ioredis-6'
import { consumers } from './consumers.ts'

export type ConsumeRequest =
  | { verb: 'drain'; name: string; url: string; entries: number }
  | { verb: 'pace'; name: string; url: string; rate: number; seconds: number }

export type ConsumeAnswer =
  | { verb: 'drained'; seconds: number; cpuSeconds: number; serverSeconds: number }
  | { verb: 'paced'; latencies: number[] }
  | { verb: 'failed'; message: string }

const together = 1_000
const tick = 10

async function opened(name: string, url: string) {
  const open = consumers[name]
  if (!open) throw new Error(`There is no consumer ${name}.`)
  return open(url)
}

/** Processor time of the server's main thread, in seconds. */
async function spentBy(server: Redis): Promise<number> {
  const info = await server.info('cpu')
  const of = (name: string) => Number(new RegExp(`used_cpu_${name}_main_thread:([\\d.]+)`).exec(info)?.[1])
  return of('user') + of('sys')
}

/** Appends first, and then handles all of it, each once. */
async function drain({ name, url, entries }: Extract<ConsumeRequest, { verb: 'drain' }>): Promise<ConsumeAnswer> {
  const consumer = await opened(name, url)
  for (let first = 0; first < entries; first += together) {
    await consumer.append(Array.from({ length: Math.min(together, entries - first) }, (_, index) => first + index))
  }
  const seen = new Uint8Array(entries)
  let left = entries
  const server = new Redis(url)
  const spent = await spentBy(server)
  const cpu = process.cpuUsage()
  const begun = performance.now()
  await new Promise<void>((resolve, reject) =>
    consumer.start(i => {
      if (seen[i]) reject(new Error(`entry ${i} was handled twice`))
      seen[i] = 1
      if (--left === 0) resolve()
    }),
  )
  const seconds = (performance.now() - begun) / 1000
  const { user, system } = process.cpuUsage(cpu)
  await consumer.close()
  const serverSeconds = (await spentBy(server)) - spent
  await server.quit()
  return { verb: 'drained', seconds, cpuSeconds: (user + system) / 1e6, serverSeconds }
}

/** Appends so many a second, and notes how long each takes until it is handled. */
async function pace(request: Extract<ConsumeRequest, { verb: 'pace' }>): Promise<ConsumeAnswer> {
  const { name, url, rate, seconds } = request
  const consumer = await opened(name, url)
  const appended: number[] = []
  const latencies: number[] = []
  consumer.start(i => latencies.push(performance.now() - appended[i]!))
  const begun = performance.now()
  const pending: Promise<unknown>[] = []
  for (let now = begun; now - begun < seconds * 1000; now = performance.now()) {
    while (appended.length < ((now - begun) * rate) / 1000) {
      appended.push(performance.now())
      pending.push(consumer.append([appended.length - 1]))
    }
    await new Promise(resolve => setTimeout(resolve, tick / 5))
  }
  await Promise.all(pending)
  while (latencies.length < appended.length) await new Promise(resolve => setTimeout(resolve, tick))
  await consumer.close()
  // In the first half it warms up.
  return { verb: 'paced', latencies: latencies.slice(latencies.length / 2) }
}

process.once('message', (request: ConsumeRequest) => {
  const work = request.verb === 'drain' ? drain(request) : pace(request)
  work
    .catch(
      (error): ConsumeAnswer => ({ verb: 'failed', message: error instanceof Error ? error.message : String(error) }),
    )
    .then(answer => process.send?.(answer, () => process.disconnect()))
})
