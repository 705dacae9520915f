import type { Found } from './access.ts'
import type { Session, SessionInfo } from './contract.ts'
import type { SessionNames } from './names.ts'
import { dataOf } from './record.ts'
import type { SessionSettings } from './settings.ts'

/** Makes what the user is given of what lies at a key. */
export interface Snapshots {
  session(id: string, found: Found): Session
  info(found: Found): SessionInfo
}

export function createSnapshots(
  { codec, ttlMs, absoluteMs }: SessionSettings,
  names: Pick<SessionNames, 'nameOf'>,
): Snapshots {
  const info = ({ key, record, degraded }: Found): SessionInfo => {
    const { version, seen, created, user, device } = record
    return {
      name: names.nameOf(key),
      data: dataOf(record, text => codec.decode(text)),
      version,
      user,
      device,
      createdAt: created,
      lastSeen: seen,
      expiresAt: Math.min(seen + ttlMs, created + absoluteMs),
      ...(degraded && { degraded: true }),
    }
  }
  return { info, session: (id, found) => ({ id, ...info(found) }) }
}
