import { accessSync, constants } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { KeyplanError } from '../base/error.ts'
import { type Found, type Layer, same } from './layer.ts'
import type { Secret } from './setting.ts'
import type { RedisUrl } from './url.ts'

/**
 * The password of a layer: an option's, the URL's, a file's, or the plain one.
 *
 * A password that somebody put into the URL as it is counts as it is, even if it looks percent-encoded: it is the same
 * as the plain one then.
 */
export function passwordOf(
  layer: Layer,
  url: Found<RedisUrl> | undefined,
  problems: string[],
  warnings: string[],
): Secret | undefined {
  const plain = layer.get('redis.password')
  const file = layer.get('redis.password_file')
  const inUrl = url?.value.password
  const ofUrl = inUrl === undefined ? undefined : { value: () => inUrl, source: url!.source }
  // Code that passes a password on means it.
  if (plain && layer.byCode) return plain.value
  if (ofUrl && plain && isEncodingOf(inUrl!, plain.value)) return plain.value
  const fromFile = file && { value: passwordFile(file, problems), source: file.source }
  const all = [ofUrl, fromFile, plain].filter(found => found !== undefined)
  const [counts, ...others] = all
  for (const other of others) {
    if (other === fromFile || counts === fromFile || !same(counts!.value, other.value)) {
      warnings.push(`${counts!.source} and ${other.source} both give a password: that of ${counts!.source} counts`)
    }
  }
  return counts?.value
}

function isEncodingOf(inUrl: string, plain: Secret): boolean {
  const text = plain()
  if (typeof text !== 'string' || text === inUrl) return false
  try {
    return decodeURIComponent(text) === inUrl
  } catch {
    return false
  }
}

/** Read anew for each connection, so that a rotated password is picked up. The line's end is not part of it. */
function passwordFile({ value: path, source }: Found<string>, problems: string[]): Secret {
  const refusal = (error: unknown) => `${source} names a file that cannot be read: ${reason(error)}`
  try {
    accessSync(path, constants.R_OK)
  } catch (error) {
    problems.push(refusal(error))
  }
  return async () => {
    try {
      return (await readFile(path, 'utf8')).replace(/\r?\n$/, '')
    } catch (error) {
      throw new KeyplanError('CONFIG_INVALID', refusal(error))
    }
  }
}

/** Why a file cannot be read, without its path, which may be anything in a misconfigured variable. */
export function reason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code
  const known: Readonly<Record<string, string>> = {
    ENOENT: 'it is not there',
    EACCES: 'no permission',
    EISDIR: 'it is a folder',
    ENOTDIR: 'it is not there',
  }
  return (code && known[code]) ?? code ?? 'an unknown error'
}
