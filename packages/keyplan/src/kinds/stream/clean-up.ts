import { createSource, type Source } from '../../mechanisms/source.ts'
import type { Acceptance } from './acceptance.ts'
import type { Counts } from './counts.ts'
import type { Job } from './job.ts'
import type { GroupState } from './store.ts'

interface CleanUpParts {
  readonly job: Job
  readonly counts: Counts
  readonly acceptance: Pick<Acceptance, 'lose'>
  /** There is more to take. */
  ring(): void
  saw(state: GroupState): void
}

/** Takes up what only the server knows to be pending, removes consumers that are gone, and looks how the group stands. */
export function cleanUp({ job, counts, acceptance, ring, saw }: CleanUpParts): Source {
  const { namespace, group, consumer, key, settings, steps, clock } = job
  let cursor = '0-0'
  return createSource({
    namespace,
    name: `clean-up of ${group}`,
    clock,
    async turn({ well }) {
      const swept = await steps.sweep(undefined, key, { group, consumer }, cursor)
      well()
      cursor = swept.cursor
      counts.reclaimed += swept.adopted
      acceptance.lose(swept.lost)
      if (swept.adopted > 0) ring()
      if (cursor === '0-0') saw(await steps.inspect(undefined, key, group))
      // Spread, so that workers that began together do not keep cleaning together.
      return cursor === '0-0' ? settings.claimAfterMs * (0.4 + 0.2 * Math.random()) : undefined
    },
    notify: job.notify,
  })
}
