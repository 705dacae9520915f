import { access, constants, mkdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { StartProblem } from './start-problem.ts'

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there',
  EEXIST: 'a file is in the way',
  ENOENT: 'no folder can be made there',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a file is in the way',
  EPERM: 'this user may not write there',
  EROFS: 'the file system is read-only',
}

/**
 * A folder under KUSHIM_DATA, made where it is missing.
 *
 * @throws StartProblem naming KUSHIM_DATA, the path and the remedy
 */
export async function provideDataFolder(dataFolder: string, name: string): Promise<string> {
  const folder = join(dataFolder, name)
  try {
    await makeFolder(folder)
    await access(folder, constants.W_OK | constants.X_OK)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown'
    const why = reasons[code] ? `${reasons[code]} (${code})` : code
    throw new StartProblem(
      `KUSHIM_DATA is ${dataFolder}, where no data can be kept: ${why}; name a folder this user may write to, or leave it out`,
    )
  }
  return folder
}

/**
 * Makes a folder and those above it, one by one. `mkdir` with `recursive` would never come back from where the system
 * says that there is no such path and means that no folder can be made, as in /proc.
 */
async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' && (await stat(folder)).isDirectory()) return
    if (code !== 'ENOENT' || dirname(folder) === folder) throw error
    await makeFolder(dirname(folder))
    await mkdir(folder)
  }
}
