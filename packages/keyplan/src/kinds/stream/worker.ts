import { type Duration, durationMs } from '../../base/duration.ts'
import { shown } from '../../base/error.ts'
import { createSource } from '../../mechanisms/source.ts'
import { createAcceptance } from './acceptance.ts'
import { keepClaims } from './claims.ts'
import { cleanUp } from './clean-up.ts'
import { noCounts } from './counts.ts'
import { createDesk, type Handler } from './desk.ts'
import { createEndings } from './endings.ts'
import type { StreamCounting } from './figures.ts'
import { createHand } from './hand.ts'
import type { Job } from './job.ts'
import { createSettlement } from './settlement.ts'
import type { GroupState } from './store.ts'
import { createTaking } from './taking.ts'
import type { Worker } from './work-contract.ts'

interface WorkerParts {
  readonly job: Job
  readonly handler: Handler
  readonly counting: StreamCounting
  closed(worker: Worker): void
}

/** Works for a group: takes entries, has them handled, and tells the server what became of them. */
export function createWorker({ job, handler, counting, closed }: WorkerParts): Worker {
  const { namespace, key, group, consumer, work, steps, clock, notify } = job
  const counts = noCounts()
  const hand = createHand()
  const ring = () => fetching.ring()

  const settlement = createSettlement({ ...job, settled: held => endings.forget(held) })
  const desk = createDesk({
    work,
    claimAfterMs: job.settings.claimAfterMs,
    namespace,
    clock,
    handler,
    ended: (held, ending) => endings.ended(held, ending),
    room: ring,
  })
  const endings = createEndings({ job, hand, counts, settlement, line: desk.line, ring })
  const gap = (detail: { readonly reason: string }) => fetching.gap(detail)
  const acceptance = createAcceptance({ job, hand, counts, desk, endings, settlement, gap })
  const isOpen = () => fetching.health.state === 'running' || fetching.health.state === 'waiting'
  const taking = createTaking({ job, hand, desk, settlement, acceptance, isOpen })

  const fetching = createSource({
    namespace,
    name: job.workerName,
    clock,
    keepAlive: true,
    turn: taking.turn,
    async drain(late) {
      await taking.finish(late)
      acceptance.stop()
      for (const one of desk.stop()) endings.giveBack(one, 0)
      for (const one of await desk.finish(late)) endings.giveBack(one, 0)
    },
    notify,
  })
  const saw = (state: GroupState) => counting.saw(group, key, state)
  const others = [keepClaims({ job, hand, desk, endings }), cleanUp({ job, counts, acceptance, ring, saw })]
  const counted = {
    key,
    counts,
    get held() {
      return hand.size
    },
    get active() {
      return desk.active
    },
  }
  counting.begin(group, counted)

  let closing: Promise<void> | undefined
  async function end(graceMs: number): Promise<void> {
    const by = clock.now() + graceMs
    await fetching.close(graceMs)
    await settlement.source.close(Math.max(500, by - clock.now()))
    await Promise.all(others.map(source => source.close(0)))
    // Whoever comes next removes it as well, when it has been silent for long enough.
    await steps.leave({ deadline: '1s' }, key, { group, consumer }).catch(() => {})
  }

  const worker: Worker = {
    consumer,
    get health() {
      return fetching.health
    },
    get figures() {
      return { ...counts, held: hand.size, active: desk.active }
    },
    pause: fetching.pause,
    resume: fetching.resume,
    async close(grace?: Duration) {
      const graceMs = grace === undefined ? work.graceMs : durationMs(grace, 'grace', shown)
      if (closing) void fetching.close(graceMs)
      closing ??= end(graceMs).finally(() => {
        counting.end(group, counted)
        closed(worker)
      })
      await closing
    },
    [Symbol.asyncDispose]: () => worker.close(),
  }
  return worker
}
