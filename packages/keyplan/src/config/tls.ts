import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import { concealed } from './concealed.ts'
import type { Found, Layer } from './layer.ts'
import { reason } from './password.ts'
import type { RedisUrl } from './url.ts'

/**
 * How to speak TLS, or undefined for not at all. Of the URL's scheme and the setting, the one that asks for TLS wins.
 *
 * @param asks the managed server's own wish, where there is one
 */
export function tlsOf(
  layer: Layer,
  server: Found<RedisUrl> | undefined,
  asks: Found<boolean> | undefined,
  problems: string[],
  warnings: string[],
): ConnectionOptions | undefined {
  const node = layer.get('redis.tls.node')?.value
  const enabled = asks?.value ? asks : (layer.get('redis.tls.enabled') ?? asks)
  const byScheme = server?.value.tls === true
  if (server && enabled && !asks && byScheme !== enabled.value && server.source !== enabled.source) {
    if (byScheme) warnings.push(`${enabled.source} turns TLS off, but ${server.source} asks for it: TLS is used`)
    else if (isUrl(layer, server)) {
      warnings.push(`${server.source} is no rediss:// URL, but ${enabled.source} asks for TLS: TLS is used`)
    }
  }
  if (!node && !byScheme && enabled?.value !== true) {
    const left = (['redis.tls.ca_file', 'redis.tls.cert_file'] as const).map(path => layer.get(path)).find(Boolean)
    if (left && !enabled && server) warnings.push(`${left.source} is not used: nothing asks for TLS`)
    return undefined
  }
  if (server?.value.path !== undefined) {
    warnings.push(`${server.source} is a socket of this machine: it is used without TLS`)
    return undefined
  }
  const { insecureSkipVerify, ...given } = node ?? {}
  if (given.rejectUnauthorized === false) {
    problems.push('tls.rejectUnauthorized is a boolean that trusts any server; write tls.insecureSkipVerify: true')
  }
  const insecure = insecureSkipVerify ? 'tls.insecureSkipVerify' : insecureOf(layer)
  if (insecure) {
    warnings.push(`INSECURE: ${insecure} trusts any certificate, so that anyone on the way can pose as Redis`)
  } else if (process.env.NODE_TLS_REJECT_UNAUTHORIZED === '0') {
    warnings.push('INSECURE: NODE_TLS_REJECT_UNAUTHORIZED=0 makes this whole process trust any certificate')
  }
  const servername = layer.get('redis.tls.options.server_name')?.value
  const minimum = layer.get('redis.tls.options.min_version')?.value ?? '1.2'
  return concealed({
    minVersion: `TLSv${minimum}` as const,
    ...filesOf(layer, problems),
    ...(servername && { servername }),
    ...given,
    ...(insecure && { rejectUnauthorized: false }),
  })
}

function isUrl(layer: Layer, server: Found<RedisUrl>): boolean {
  return layer.get('redis.url')?.source === server.source
}

/** What turns the check of certificates off. */
function insecureOf(layer: Layer): string | undefined {
  const skip = layer.get('redis.tls.options.skip_verify')
  if (skip?.value) return skip.source
  const required = layer.get('redis.tls.options.cert_reqs')
  return required && required.value !== 'required' ? required.source : undefined
}

const files = { ca: 'redis.tls.ca_file', cert: 'redis.tls.cert_file', key: 'redis.tls.key_file' } as const

type Pem = Partial<Record<keyof typeof files, string>>

function filesOf(layer: Layer, problems: string[]): Pem {
  const read: Pem = {}
  for (const name of ['ca', 'cert', 'key'] as const) {
    const file = layer.get(files[name])
    if (!file) continue
    try {
      read[name] = readFileSync(file.value, 'utf8')
    } catch (error) {
      problems.push(`${file.source} names a file that cannot be read: ${reason(error)}`)
    }
  }
  const ca = parsed(layer.get(files.ca), 'certificate', () => read.ca && new X509Certificate(read.ca), problems)
  const cert = parsed(layer.get(files.cert), 'certificate', () => read.cert && new X509Certificate(read.cert), problems)
  const key = parsed(layer.get(files.key), 'private key', () => read.key && createPrivateKey(read.key), problems)
  const [certFile, keyFile] = [layer.get(files.cert), layer.get(files.key)]
  if (certFile && !keyFile) problems.push(`${certFile.source} needs its key: set redis.tls.key_file`)
  if (keyFile && !certFile) problems.push(`${keyFile.source} needs its certificate: set redis.tls.cert_file`)
  if (cert && key && !cert.checkPrivateKey(key)) {
    problems.push(`${keyFile?.source} is not the key of the certificate in ${certFile?.source}`)
  }
  for (const [file, certificate] of [[layer.get(files.ca), ca] as const, [certFile, cert] as const]) {
    if (certificate && Date.parse(certificate.validTo) < Date.now()) {
      problems.push(`${file?.source} holds a certificate that has expired`)
    }
  }
  return read
}

function parsed<T>(
  file: Found<string> | undefined,
  kind: string,
  parse: () => T | '' | undefined,
  problems: string[],
): T | undefined {
  try {
    return parse() || undefined
  } catch {
    problems.push(`${file?.source} names a file that holds no ${kind} in PEM form`)
    return undefined
  }
}
