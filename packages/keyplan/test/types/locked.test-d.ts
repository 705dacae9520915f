import { Locked } from '../../src/adapters/nestjs.ts'
import type { Lock } from '../../src/index.ts'

declare const lockOf: (id: string) => Lock

export class Reports {
  readonly locks = lockOf

  @Locked((self: Reports, id: string) => self.locks(id), { wait: '5s' })
  async build(id: string) {
    return id.length
  }

  @Locked((_self: Reports, id: string) => lockOf(id))
  async more(_id: string, _pages: number) {}

  @Locked(() => lockOf('all'))
  async any(_pages: number, _force: boolean) {}

  // @ts-expect-error the lock is looked up by another argument than the method has
  @Locked((_self: Reports, id: string) => lockOf(id))
  async other(_id: number) {}

  // @ts-expect-error what runs under a lock is asynchronous
  @Locked((_self: Reports, id: string) => lockOf(id))
  synchronous(_id: string) {}
}
