import { readFile, rm, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { KeyplanError } from 'keyplan'
import { environmentLines } from './environment.ts'
import type { Guardian } from './guardian.ts'

const mark = '# Written by keyplan dev, and gone when it ends.'

/** @throws KeyplanError PARAM_INVALID when a file is there that this did not write */
export async function requireOurs(path: string, folder: string): Promise<void> {
  const text = await readFile(resolve(folder, path), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return mark
    throw new KeyplanError('PARAM_INVALID', `--write-env ${path} cannot be written: ${error.code}`)
  })
  if (text.startsWith(mark)) return
  throw new KeyplanError('PARAM_INVALID', `--write-env ${path} is there already, and would be lost: name another file`)
}

/**
 * Writes the variables where a program reads them, for this user only.
 *
 * @returns what removes the file again
 * @throws KeyplanError PARAM_INVALID when it cannot be written
 */
export async function writeEnvironmentFile(
  path: string,
  folder: string,
  own: Readonly<Record<string, string>>,
  guardian: Guardian,
): Promise<() => Promise<void>> {
  const file = resolve(folder, path)
  try {
    await rm(file, { force: true })
    guardian.file(file)
    await writeFile(file, [mark, ...environmentLines(own), ''].join('\n'), { mode: 0o600, flag: 'wx' })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new KeyplanError('PARAM_INVALID', `--write-env ${path} cannot be written: ${code}`, { cause: error })
  }
  return async () => {
    await rm(file, { force: true })
    guardian.file(undefined)
  }
}
