import { setTimeout as sleep } from 'node:timers/promises'

/** Asks again and again until the answer is as wanted. Rejects with the last one after `withinMs`. */
export async function until<T>(ask: () => Promise<T>, wanted: (answer: T) => boolean, withinMs = 10_000): Promise<T> {
  const end = performance.now() + withinMs
  for (;;) {
    const answer = await ask()
    if (wanted(answer)) return answer
    if (performance.now() > end) {
      throw new Error(`still not as wanted after ${withinMs} ms: ${JSON.stringify(answer)}`)
    }
    await sleep(20)
  }
}
