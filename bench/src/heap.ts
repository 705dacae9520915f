import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** Watches the heap of a process that runs `operations` calls. Tells whether it stayed where it was. */
export async function watchHeap(redisUrl: string, operations: number): Promise<boolean> {
  const script = fileURLToPath(new URL('./heap-process.js', import.meta.url))
  const child = fork(script, [redisUrl, String(operations)], { execArgv: ['--expose-gc'] })
  const [code] = await once(child, 'exit')
  return code === 0
}
