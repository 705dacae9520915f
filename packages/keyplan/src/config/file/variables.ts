import { readFile } from 'node:fs/promises'
import { relative, resolve } from 'node:path'
import type { Variables } from '../environment.ts'
import { reason } from '../password.ts'
import { environmentOf } from '../sources.ts'
import { readDotenv } from './dotenv.ts'

export interface LoadedVariables {
  readonly variables: Variables
  readonly environment: string
}

/**
 * The variables of the process, and below them those of `.env.<environment>` and `.env`.
 *
 * @param envFile a path, `true` for `.env` in the folder, or nothing for the process alone. A path must exist
 * @param environment where it is not given, the process or the first file may name it
 */
export async function loadVariables(
  env: NodeJS.ProcessEnv,
  envFile: string | true | undefined,
  folder: string,
  environment: string | undefined,
  problems: string[],
): Promise<LoadedVariables> {
  const own = set(env)
  if (envFile === undefined) {
    return { variables: { values: env }, environment: environment ?? environmentOf(env) }
  }
  const file = resolve(folder, envFile === true ? '.env' : envFile)
  const read = async (path: string, above: Map<string, string>, required: boolean) => {
    const values = new Map<string, string>()
    const text = await readText(path, required, problems)
    const unreadable = readDotenv(text ?? '', values, name => own.get(name) ?? above.get(name))
    const shown = relative(folder, path)
    for (const line of unreadable) problems.push(`${shown}: line ${line} is no NAME=value`)
    return { values: new Map([...values].filter(([, value]) => value.trim() !== '')), shown }
  }
  const first = await read(file, new Map(), envFile !== true)
  const named = environment ?? environmentOf({ ...Object.fromEntries(first.values), ...Object.fromEntries(own) })
  const second = await read(`${file}.${named}`, new Map(), false)
  // What the second says may stand in the first: it is read again, with the last word known.
  const again = await read(file, second.values, false)
  const origins = new Map<string, string>()
  for (const { values, shown } of [again, second]) {
    for (const name of values.keys()) if (!own.has(name)) origins.set(name, shown)
  }
  const values = Object.fromEntries([...again.values, ...second.values, ...own])
  return { variables: { values, origins }, environment: named }
}

function set(env: NodeJS.ProcessEnv): Map<string, string> {
  const entries = Object.entries(env).filter((entry): entry is [string, string] => Boolean(entry[1]?.trim()))
  return new Map(entries)
}

async function readText(path: string, required: boolean, problems: string[]): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const absent = (error as NodeJS.ErrnoException).code === 'ENOENT'
    if (required || !absent) problems.push(`${path} cannot be read: ${reason(error)}`)
    return undefined
  }
}
