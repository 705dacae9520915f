import type { Clock, Timer } from '../base/clock.ts'
import type { Log } from './reporter.ts'

/** Lines about something that may change its state all the time. */
export interface LineBudget {
  say(subject: string, level: 'info' | 'warn', line: string): void
  /** What was held back is not said any more. */
  close(): void
}

interface Account {
  readonly said: number[]
  held: { level: 'info' | 'warn'; line: string; count: number } | undefined
  timer: Timer | undefined
}

const perMinute = 2
const minute = 60_000

/**
 * At most two lines a minute about each subject. Of those beyond, the last is said as soon as it may be, with how many
 * there were: a server that comes and goes fills no disk, and the log ends with what is the case.
 */
export function createLineBudget(log: Log, clock: Clock): LineBudget {
  const accounts = new Map<string, Account>()

  function mayAt(account: Account): number {
    const now = clock.now()
    while (account.said.length > 0 && account.said[0]! <= now - minute) account.said.shift()
    return account.said.length < perMinute ? now : account.said[0]! + minute
  }
  function release(account: Account): void {
    const { held } = account
    account.timer = undefined
    account.held = undefined
    if (!held) return
    account.said.push(clock.now())
    log(held.level, held.count > 1 ? `${held.line} (${held.count} changes since the last line)` : held.line)
  }

  return {
    say(subject, level, line) {
      const account = accounts.get(subject) ?? { said: [], held: undefined, timer: undefined }
      accounts.set(subject, account)
      const wait = mayAt(account) - clock.now()
      account.held = { level, line, count: (account.held?.count ?? 0) + 1 }
      if (wait <= 0) release(account)
      else account.timer ??= clock.after(wait, () => release(account))
    },
    close() {
      for (const { timer } of accounts.values()) timer?.cancel()
    },
  }
}
