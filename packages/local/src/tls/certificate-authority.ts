import { generateKeyPair, randomBytes, X509Certificate } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { pki } from 'node-forge'

export interface Certificate {
  /** PEM. */
  readonly certificate: string
  /** PEM, PKCS #8. */
  readonly key: string
  readonly certificateFile: string
  /** Only this user can read it. */
  readonly keyFile: string
}

export interface IssueOptions {
  /** Host names and IP addresses it is for; the first is also its common name. */
  names: readonly [string, ...string[]]
  /** Valid until yesterday only. Default false. */
  expired?: boolean
  /** For a client alone: servers that show it are refused. Default false: good for both, as nodes talk to nodes. */
  client?: boolean
}

/** Signs certificates that whoever trusts its own certificate trusts. Nothing on this machine does until told. */
export interface CertificateAuthority {
  /** PEM. */
  readonly certificate: string
  readonly file: string
  /** Writes two files into the folder of the authority. Its certificates share one key: making keys takes seconds. */
  issue(options: IssueOptions): Promise<Certificate>
}

const day = 86_400_000

/**
 * Makes a certificate authority for this machine's tests: RSA 2048 keys, SHA-256, X.509 v3. Its own key is never
 * written anywhere.
 *
 * @param folder Takes the files; created when there is none, and left to the caller.
 */
export async function createAuthority(folder: string): Promise<CertificateAuthority> {
  const { default: forge } = await import('node-forge')
  const path = resolve(folder)
  await mkdir(path, { recursive: true, mode: 0o700 })

  const [ownKey, key] = await Promise.all([newKey(), newKey()])
  const signingKey = forge.pki.privateKeyFromPem(ownKey.privateKey)
  const blank = (publicKey: string, name: string, from: number, until: number): pki.Certificate => {
    const certificate = forge.pki.createCertificate()
    certificate.publicKey = forge.pki.publicKeyFromPem(publicKey)
    // The leading 01 keeps the number positive and in its shortest form, whatever follows.
    certificate.serialNumber = `01${randomBytes(15).toString('hex')}`
    certificate.validity.notBefore = new Date(Date.now() + from * day)
    certificate.validity.notAfter = new Date(Date.now() + until * day)
    certificate.setSubject([{ name: 'commonName', value: name }])
    return certificate
  }
  const write = async (name: string, text: string): Promise<string> => {
    const file = join(path, name)
    await writeFile(file, text, { mode: 0o600 })
    return file
  }

  const own = blank(ownKey.publicKey, `keyplan local ${randomBytes(4).toString('hex')}`, -30, 365)
  const issuer = own.subject.attributes
  own.setIssuer(issuer)
  own.setExtensions([
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    { name: 'subjectKeyIdentifier' },
  ])
  own.sign(signingKey, forge.md.sha256.create())
  const certificate = forge.pki.certificateToPem(own)
  const keyIdentifier = own.generateSubjectKeyIdentifier().getBytes()

  return {
    certificate,
    file: await write('ca.pem', certificate),
    async issue({ names, expired = false, client = false }) {
      const issued = blank(key.publicKey, names[0], -20, expired ? -1 : 180)
      issued.setIssuer(issuer)
      issued.setExtensions([
        { name: 'basicConstraints', cA: false, critical: true },
        { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
        { name: 'extKeyUsage', serverAuth: !client, clientAuth: true },
        { name: 'subjectAltName', altNames: names.map(altName) },
        { name: 'subjectKeyIdentifier' },
        { name: 'authorityKeyIdentifier', keyIdentifier },
      ])
      issued.sign(signingKey, forge.md.sha256.create())
      const text = forge.pki.certificateToPem(issued)
      const stem = new X509Certificate(text).serialNumber.toLowerCase()
      return {
        certificate: text,
        key: key.privateKey,
        certificateFile: await write(`${stem}.pem`, text),
        keyFile: await write(`${stem}.key`, key.privateKey),
      }
    },
  }
}

/** The numbers are those of the subjectAltName choice in RFC 5280: 2 for a DNS name, 7 for an address. */
function altName(name: string): object {
  return isIP(name) === 0 ? { type: 2, value: name } : { type: 7, ip: name }
}

function newKey(): Promise<{ publicKey: string; privateKey: string }> {
  return promisify(generateKeyPair)('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
}
