import { createServer } from 'node:net'
import { takenPort } from './problem.ts'

function isTaken(host: string, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(true) : reject(error),
    )
    server.listen(port, host, () => server.close(() => resolve(false)))
  })
}

/** Looks before anything is started. @throws Error naming the first port that is taken, and who holds it */
export async function requireFreePorts(host: string, ports: readonly number[]): Promise<void> {
  for (const port of ports) {
    if (port !== 0 && (await isTaken(host, port))) {
      throw new Error(`${await takenPort(port)} with KUSHIM_PORTS=<port>,<port>`)
    }
  }
}
