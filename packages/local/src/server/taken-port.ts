import { portHolder } from '../port/port-holder.ts'
import { StartFailure } from './redis-run.ts'

/** Whether a start failed because someone else listens on the port of the server or of its bus. */
export function isTaken(error: unknown): boolean {
  return error instanceof StartFailure && error.log.some(line => /address already in use/i.test(line))
}

/** The failure in words that help: who holds the port. Any other failure stays as it is. */
export async function explained(error: unknown, port: number): Promise<unknown> {
  if (!isTaken(error)) return error
  const holder = await portHolder(port)
  const who = holder === undefined ? 'another process' : `${holder.command} (pid ${holder.pid})`
  return new Error(`port ${port} is taken by ${who}: stop it, or choose another port`)
}
