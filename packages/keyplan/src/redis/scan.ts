import type { Call } from '../base/call.ts'
import type { Send } from './commands.ts'

/** What the server looks at for one page: enough to be worth the trip, and little enough to hold up nobody. */
const pageSize = 500

/** A page of the keys of one node. */
export async function scanPage(send: Send, glob: string, cursor: string, call: Call) {
  const [next, keys] = (await send('scan', [cursor, 'MATCH', glob, 'COUNT', pageSize], call)) as [string, string[]]
  return { cursor: next, keys }
}
