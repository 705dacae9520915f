import { createServer } from 'node:net'
import { portHolder } from '@keyplan/local'
import { StartProblem } from '../start-problem.ts'

export interface ListenAddress {
  readonly host: string
  readonly port: number
  /** The variable that says the port. */
  readonly variable: string
}

/** Why nobody can listen there, from the error of `listen`. */
export async function listenProblem(error: unknown, { host, port, variable }: ListenAddress): Promise<StartProblem> {
  const code = (error as NodeJS.ErrnoException).code ?? String(error)
  switch (code) {
    case 'EADDRINUSE': {
      const holder = await portHolder(port)
      const who = holder ? `${holder.command} (pid ${holder.pid})` : 'another process'
      return new StartProblem(`port ${port} is taken by ${who}; end it, or choose another port with ${variable}`, 73)
    }
    case 'EACCES':
      return new StartProblem(`${variable} is ${port}, where this user may not listen; choose a port from 1024 on`, 77)
    default:
      return new StartProblem(
        `HOST is "${host}", which is no address of this machine (${code}); write 127.0.0.1, 0.0.0.0 for all of them, or leave it out`,
      )
  }
}

/** Tries an address before anything is started that would have to end again. @throws StartProblem */
export async function requireFree(address: ListenAddress): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      const server = createServer().once('error', reject)
      server.listen(address.port, address.host, () => server.close(() => resolve()))
    })
  } catch (error) {
    throw await listenProblem(error, address)
  }
}
