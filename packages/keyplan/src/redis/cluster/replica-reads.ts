import type { Clock } from '../../base/clock.ts'
import { createReaders, type Readers } from '../readers.ts'
import type { Address, Endpoint, NodeSettings } from '../settings.ts'

/** The readers of each master of a cluster. */
export interface ReplicaReads {
  of(master: string): Readers
  close(): Promise<void>
}

interface ReplicaReadsOptions {
  readonly settings: NodeSettings
  readonly nearest: boolean
  places(master: string): readonly Address[]
  endpoint(place: Address): Endpoint
  clock: Clock
}

export function createReplicaReads({ places, ...rest }: ReplicaReadsOptions): ReplicaReads {
  const all = new Map<string, Readers>()
  return {
    of(master) {
      let readers = all.get(master)
      if (!readers) {
        readers = createReaders({ ...rest, places: async () => places(master) })
        all.set(master, readers)
      }
      return readers
    },
    async close() {
      await Promise.all([...all.values()].map(readers => readers.close()))
    },
  }
}
