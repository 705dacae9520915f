import { askOnce } from '../server/ask-once.ts'
import type { RedisProcess } from '../server/redis-process.ts'

/**
 * How often a Sentinel publishes what it knows and asks servers about themselves, in milliseconds. It leaves an old
 * master alone for four times the first and notices that it has become a replica within the second.
 */
const hasty = ['publish-period', '250', 'info-period', '250']
const usual = ['publish-period', '2000', 'info-period', '10000']

const answerWithin = 1_000

/**
 * Waits for Sentinels that talk more often meanwhile: at their usual pace they take 20 s to see the whole again after a
 * failover. How they find a master down and choose another one is untouched.
 */
export async function hurried(sentinels: readonly RedisProcess[], wait: () => Promise<void>): Promise<void> {
  const pace = (periods: readonly string[]) =>
    Promise.allSettled(
      // A Sentinel that is down or too old for it keeps its pace.
      sentinels.map(sentinel => askOnce(sentinel, answerWithin, ['SENTINEL', 'DEBUG', ...periods])),
    )
  await pace(hasty)
  try {
    await wait()
  } finally {
    await pace(usual)
  }
}
