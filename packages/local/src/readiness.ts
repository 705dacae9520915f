import { connectResp, type RespTarget } from './resp-connection.ts'

/**
 * Whether exactly the process `pid` serves at `target`: it answers PING with PONG, so it is neither loading its data
 * nor stopped, and states that pid, so it is not another server that took the port first.
 *
 * @param within Ends the question with the answer no, for a server that says nothing.
 */
export async function isReady(
  target: RespTarget,
  pid: number,
  password: string | undefined,
  within: AbortSignal,
): Promise<boolean> {
  const connection = await connectResp(target).catch(() => undefined)
  if (connection === undefined || within.aborted) {
    connection?.close()
    return false
  }
  within.addEventListener('abort', connection.close, { once: true })
  try {
    if (password !== undefined && (await connection.ask('AUTH', password)) !== 'OK') return false
    if ((await connection.ask('PING')) !== 'PONG') return false
    return new RegExp(`^process_id:${pid}\\r?$`, 'm').test(String(await connection.ask('INFO', 'server')))
  } catch {
    return false
  } finally {
    within.removeEventListener('abort', connection.close)
    connection.close()
  }
}
