import { join } from 'node:path'
import { type ConnectionOptions, createSecureContext } from 'node:tls'
import { type Certificate, type CertificateAuthority, createAuthority } from './certificate-authority.ts'

export interface TlsOptions {
  /** Who signs and is trusted. Default: one made for this server or topology, gone with it. */
  authority?: CertificateAuthority
  /** What the server shows. Default: a valid one for localhost, 127.0.0.1 and ::1. */
  certificate?: Certificate
  /** Whether clients have to show a certificate of the authority (`required` is mTLS). Default `none`. */
  clientCertificates?: 'none' | 'optional' | 'required'
}

/** TLS of a running server. It takes no plain connections then. */
export interface ServerTls {
  readonly authority: CertificateAuthority
  /** What the server shows. */
  readonly certificate: Certificate
  /** What a client may show; one is made unless clients show none. */
  readonly client: Certificate | undefined
  readonly clientCertificates: 'none' | 'optional' | 'required'
  /** For `tls.connect` and clients that take its options: the authority, and the certificate of the client. */
  readonly options: { readonly ca: string; readonly cert?: string; readonly key?: string }
}

/** @param folder Takes the files of an authority that has to be made. */
export async function serverTls(options: true | TlsOptions, folder: string): Promise<ServerTls> {
  const asked: TlsOptions = options === true ? {} : options
  const authority = asked.authority ?? (await createAuthority(join(folder, 'tls')))
  const clientCertificates = asked.clientCertificates ?? 'none'
  const [certificate, client] = await Promise.all([
    asked.certificate ?? authority.issue({ names: ['localhost', '127.0.0.1', '::1'] }),
    clientCertificates === 'none' ? undefined : authority.issue({ names: ['keyplan-local-client'], client: true }),
  ])
  return {
    authority,
    certificate,
    client,
    clientCertificates,
    options: {
      ca: authority.certificate,
      ...(client && { cert: client.certificate, key: client.key }),
    },
  }
}

/**
 * For the questions of this package itself. They know the server by its process id and must also reach one that shows
 * a certificate nobody should trust, as tests want.
 */
export function unverified(tls: ServerTls): ConnectionOptions {
  return { secureContext: createSecureContext(tls.options), rejectUnauthorized: false }
}

const authClients = { none: 'no', optional: 'optional', required: 'yes' } as const

/** The lines of redis.conf, for the values of `quoted`. Also what the server says to other servers is encrypted. */
export function tlsDirectives(tls: ServerTls, quoted: (value: string) => string): Record<string, string> {
  return {
    'tls-cert-file': quoted(tls.certificate.certificateFile),
    'tls-key-file': quoted(tls.certificate.keyFile),
    'tls-ca-cert-file': quoted(tls.authority.file),
    'tls-auth-clients': authClients[tls.clientCertificates],
    'tls-replication': 'yes',
  }
}
