import { isKeyplanError, KeyplanError } from '../base/error.ts'
import { commandKey } from './command-table.ts'
import { replyFailure } from './failure.ts'
import type { Link } from './link.ts'
import type { Command, Encoding, Reply } from './redis.ts'
import { ErrorReply } from './wire/reply-parser.ts'

/**
 * MULTI, the commands and EXEC, one behind the other in one write: nothing of other callers can come between. A command
 * that the server refuses to queue makes it refuse the whole, of which that first refusal is the reason.
 */
export async function transactOn(
  on: Link,
  commands: readonly Command[],
  encoding?: Encoding,
  asking = false,
): Promise<(Reply | KeyplanError)[]> {
  const link = on.forKey(commands.map(([name, ...args]) => commandKey(name, args)).find(key => key !== undefined))
  // What would be refused before it is sent must not be missing from the others.
  const refusal = link.handshake.noTransactions ?? link.refusal(commands.flatMap(([, ...args]) => args))
  if (refusal) throw refusal
  if (asking) link.send('asking', []).catch(() => {})
  const sent = [
    link.send('multi', []),
    ...commands.map(([name, ...args]) => link.send(name, args, encoding)),
    link.send('exec', [], encoding),
  ]
  const answers = await Promise.allSettled(sent)
  const begun = answers[0]!
  const done = answers.at(-1)!
  if (begun.status === 'rejected') throw unguarded(begun.reason, answers.slice(1, -1))
  if (done.status === 'fulfilled') return (done.value as unknown[]).map(readReply)
  // A lost link is told by EXEC: what became of the whole is not known from a command that was queued.
  const refused = answers.find(answer => answer.status === 'rejected')?.reason
  throw isKeyplanError(done.reason, 'SERVER') ? refused : done.reason
}

/** Without MULTI the commands behind it are no transaction: those that the server took have run, each for itself. */
function unguarded(reason: KeyplanError, answers: readonly PromiseSettledResult<Reply>[]): KeyplanError {
  if (answers.every(({ status }) => status === 'rejected')) return reason
  return new KeyplanError(reason.code, `${reason.message}; the commands ran one by one`, { outcome: 'unknown' })
}

const readReply = (reply: unknown) => (reply instanceof ErrorReply ? replyFailure(reply.text) : (reply as Reply))
