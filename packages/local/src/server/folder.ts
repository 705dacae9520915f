import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Guardian, guard } from './guardian.ts'

/** Where something works, watched over for the case that this process ends first. */
export interface Folder {
  readonly path: string
  /** Is to be told of the process and the mount in it. */
  readonly guardian: Guardian
  /** Removes the folder unless it is the user's, and stops watching. May be called again. */
  close(): Promise<void>
}

/** A new folder that only this user can look into, and that does not outlive this process. */
export async function temporaryFolder(name: string): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), `keyplan-${name}-`))
  const guardian = guard(path)
  return {
    path,
    guardian,
    async close() {
      // Again where a process that was killed a moment ago was still letting go of its files.
      await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
      guardian.dismiss()
    },
  }
}

/** A folder of the user's, created where there is none, and kept. */
export async function keptFolder(dir: string): Promise<Folder> {
  const path = resolve(dir)
  await mkdir(path, { recursive: true, mode: 0o700 })
  const guardian = guard(undefined)
  return { path, guardian, close: async () => guardian.dismiss() }
}
