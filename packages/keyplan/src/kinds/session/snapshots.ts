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
  const decode = (text: string) => codec.decode(text)
  const session = (id: string, { key, record, degraded }: Found): Session => {
    const { version, seen, created, user, device } = record
    const given: Session = {
      id,
      name: names.nameOf(key),
      data: dataOf(record, decode),
      version,
      user,
      device,
      createdAt: created,
      lastSeen: seen,
      expiresAt: Math.min(seen + ttlMs, created + absoluteMs),
    }
    return degraded ? { ...given, degraded: true } : given
  }
  return {
    session,
    info(found) {
      const { id: _, ...info } = session('', found)
      return info
    },
  }
}
