import { access, readFile } from 'node:fs/promises'
import { extname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { reason } from '../password.ts'

/** Loads a module; the command line brings one that also reads TypeScript. */
export type LoadModule = (file: string) => Promise<unknown>

const names = ['yaml', 'yml', 'json', 'ts', 'mts', 'js', 'mjs'].map(extension => `keyplan.${extension}`)

/** The configuration file of a folder. More than one is a problem: nobody could tell which counts. */
export async function findFile(folder: string, problems: string[]): Promise<string | undefined> {
  const found: string[] = []
  for (const name of names) {
    const exists = await access(join(folder, name)).then(
      () => true,
      () => false,
    )
    if (exists) found.push(name)
  }
  if (found.length > 1) problems.push(`${found.join(' and ')} are both there: leave only one`)
  return found[0]
}

/** What a file holds. Its problems name the file and the line, and never show its text. */
export async function readDocument(
  file: string,
  folder: string,
  load: LoadModule | undefined,
  problems: string[],
): Promise<unknown> {
  const path = resolve(folder, file)
  const extension = extname(file)
  if (/^\.[mc]?[jt]s$/.test(extension)) return readModule(path, file, load, problems)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    problems.push(`${file} cannot be read: ${reason(error)}`)
    return undefined
  }
  if (extension === '.json') return readJson(text, file, problems)
  if (extension === '.yaml' || extension === '.yml') return readYaml(text, file, problems)
  problems.push(`${file} is of no kind that is known: write a .yaml, .json, .ts or .js file`)
  return undefined
}

function readJson(text: string, file: string, problems: string[]): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch {
    // The parser's own words quote the text.
    problems.push(`${file} is not valid JSON`)
    return undefined
  }
}

async function readYaml(text: string, file: string, problems: string[]): Promise<unknown> {
  const { LineCounter, parseDocument } = await import('yaml')
  const lineCounter = new LineCounter()
  // The pretty form quotes the text.
  const document = parseDocument(text, { lineCounter, prettyErrors: false, merge: true })
  for (const { code, pos } of document.errors) {
    const words = code.toLowerCase().replaceAll('_', ' ')
    problems.push(`${file}: line ${lineCounter.linePos(pos[0]).line} is not valid YAML (${words})`)
  }
  if (document.errors.length > 0) return undefined
  try {
    const tree: unknown = document.toJS()
    // Throws for what holds itself.
    JSON.stringify(tree)
    return tree
  } catch {
    problems.push(`${file} refers to itself, or to an anchor that is not there`)
    return undefined
  }
}

async function readModule(
  path: string,
  file: string,
  load: LoadModule | undefined,
  problems: string[],
): Promise<unknown> {
  try {
    const module = await (load ? load(path) : import(pathToFileURL(path).href))
    const value: unknown = module && typeof module === 'object' && 'default' in module ? module.default : undefined
    if (value === undefined) problems.push(`${file} exports nothing by default: write export default { … }`)
    return value
  } catch (error) {
    problems.push(`${file} cannot be loaded: ${whyNot(error)}`)
    return undefined
  }
}

function whyNot(error: unknown): string {
  const { code, name } = error as NodeJS.ErrnoException
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION') {
    return 'this Node reads no TypeScript; use the keyplan command, or start with node --import tsx'
  }
  if (code === 'ERR_MODULE_NOT_FOUND') return 'it is not there, or imports what is not there'
  // Its message may quote what the file holds.
  return `it throws ${code ?? name ?? 'an error'}`
}
