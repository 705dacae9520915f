import type { Listening } from '../../mechanisms/wake.ts'
import { readNotice } from './names.ts'

/** Begins to hear what this process is told. Told nothing, it may have missed something. */
export type Hearing = (hear: (message?: string) => void) => Listening

/** What this process is told of the locks of a namespace. */
export interface Inbox {
  /** Hears from now on, if it did not yet. */
  open(): void
  /** Something was heard: it truly listens. */
  readonly heard: boolean
  close(): void
}

interface Readers {
  /** The lock of a key may be had, or, without a key, any may. False when nobody waits for it here. */
  ring(key?: string): boolean
  /** Gives up this process's place in line. */
  leave(key: string): void
  /** One that is held here was taken from it. */
  forced(key: string, fence: string): void
}

export function createInbox(hearings: readonly Hearing[], { ring, leave, forced }: Readers): Inbox {
  let listening: readonly Listening[] | undefined
  let heard = false

  function hear(message?: string): void {
    const notice = message === undefined ? undefined : readNotice(message)
    heard = true
    if (message === undefined) ring()
    else if (notice?.type === 'forced') forced(notice.key, notice.fence)
    else if (notice) {
      const waits = ring(notice.key)
      // Nobody here waits any more for what is kept for this process: the next one shall have it.
      if (!waits && notice.type === 'turn') leave(notice.key)
    }
  }

  return {
    open() {
      if (listening) return
      listening = []
      listening = hearings.map(begin => begin(hear))
    },
    get heard() {
      return heard
    },
    close() {
      for (const { close } of listening ?? []) close()
      listening = []
    },
  }
}
