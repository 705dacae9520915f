import type { Clock } from '../../../base/clock.ts'
import type { Redis } from '../../../redis/redis.ts'
import type { Entry } from '../store.ts'

/** Members as JSON at keys of their own, for who knows nothing of registries. Never rejects: it is no part of a membership. */
export interface Mirror {
  write(entry: Entry): Promise<void>
  /** Writes those anew of which a third of the time is over. */
  renew(entries: readonly Entry[]): Promise<void>
  remove(ids: readonly string[]): Promise<void>
}

interface MirrorParts {
  readonly redis: Pick<Redis, 'send'>
  readonly clock: Clock
  readonly ttlMs: number
  keyOf(id: string): string
  /** It could not be written, for the first time since it could. */
  failed(error: unknown): void
}

/** How long one write may take, in milliseconds. */
const patience = 1_000

export function createMirror({ redis, clock, ttlMs, keyOf, failed }: MirrorParts): Mirror {
  const written = new Map<string, number>()
  let fails = false

  async function send(command: string, args: (string | number)[]): Promise<boolean> {
    try {
      await redis.send(command, args, { expires: clock.now() + patience, hold: true, written: 0 })
      fails = false
      return true
    } catch (error) {
      if (!fails) failed(error)
      fails = true
      return false
    }
  }
  async function write({ id, head, metadata }: Entry): Promise<void> {
    const at = clock.now()
    if (await send('set', [keyOf(id), `{${head},"metadata":${metadata}}`, 'PX', ttlMs])) written.set(id, at)
  }

  return {
    write,
    async renew(entries) {
      const due = clock.now() - ttlMs / 3
      await Promise.all(entries.filter(({ id }) => (written.get(id) ?? due) <= due).map(write))
    },
    async remove(ids) {
      for (const id of ids) written.delete(id)
      // Each may lie in a slot of its own.
      await Promise.all(ids.map(id => send('unlink', [keyOf(id)])))
    },
  }
}
