import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A folder with these files, gone after the test. */
export async function folderWith(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'keyplan-ops-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  return folder
}

/** Where a module outside of this workspace finds the library. */
export const library = {
  plan: import.meta.resolve('keyplan'),
  client: import.meta.resolve('keyplan/client'),
}

/** Of a plan module in TypeScript. */
export const planText = `import { cache, definePlan, text } from '${library.plan}'
const ttl: string = '1m'
export default definePlan('shop', { page: cache('page:<id>', { ttl: ttl as '1m', value: text() }) })
`
