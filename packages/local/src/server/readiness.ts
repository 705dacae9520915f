import { connectResp, type RespTarget } from './resp-connection.ts'

/** Where a server is to answer, and as whom to ask. */
export interface Question {
  readonly target: RespTarget
  /** The words of AUTH. Default: not asked for. */
  readonly login: readonly string[] | undefined
}

/**
 * Whether exactly the process `pid` serves: it answers PING with PONG, so it is neither loading its data nor stopped,
 * and states that pid, so it is not another server that took the port first.
 *
 * @param within Ends the question with the answer no, for a server that says nothing.
 */
export async function isReady({ target, login }: Question, pid: number, within: AbortSignal): Promise<boolean> {
  try {
    const connection = await connectResp(target, { signal: within })
    try {
      if (login !== undefined && (await connection.ask('AUTH', ...login)) !== 'OK') return false
      if ((await connection.ask('PING')) !== 'PONG') return false
      return new RegExp(`^process_id:${pid}\\r?$`, 'm').test(String(await connection.ask('INFO', 'server')))
    } finally {
      connection.close()
    }
  } catch {
    return false
  }
}
