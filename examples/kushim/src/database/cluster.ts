import { existsSync } from 'node:fs'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PGlite } from '@electric-sql/pglite'

/** Where a copy of an empty database is kept: making one anew takes ten times as long as unpacking it. */
async function templateFile(): Promise<string> {
  const manifest = new URL('../package.json', import.meta.resolve('@electric-sql/pglite'))
  const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { version: string }
  return fileURLToPath(new URL(`./empty-${version}.tar`, import.meta.url))
}

async function keepTemplate(db: PGlite, file: string): Promise<void> {
  const content = await db.dumpDataDir('none')
  const own = `${file}.${process.pid}`
  try {
    await writeFile(own, new Uint8Array(await content.arrayBuffer()))
    // Whoever reads it meanwhile finds all of it or nothing.
    await rename(own, file)
  } catch {
    // Nowhere to keep it: the next start takes as long as this one.
  }
}

/** Opens the embedded PostgreSQL: in memory, or in a folder, which is filled when it is empty. */
export async function openCluster(folder: string | undefined): Promise<PGlite> {
  const place = folder ? { dataDir: folder } : {}
  if (folder && existsSync(join(folder, 'PG_VERSION'))) return PGlite.create(place)
  const file = await templateFile()
  if (existsSync(file)) return PGlite.create({ ...place, loadDataDir: new Blob([await readFile(file)]) })
  const db = await PGlite.create(place)
  await keepTemplate(db, file)
  return db
}
