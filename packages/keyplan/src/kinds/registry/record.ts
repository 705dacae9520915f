import type { Codec } from '../../base/codec.ts'
import { type LogEntry, timeOf } from '../../mechanisms/log/entry.ts'
import type { RegistryChange, RegistryEvent, RegistryMember } from './contract.ts'
import type { Found } from './store.ts'

/** A number from 0 as text that is in the order of the numbers: the bits of a double. */
export function loadText(load: number): string {
  const bits = new DataView(new ArrayBuffer(8))
  // There are two zeros.
  bits.setFloat64(0, load + 0)
  return bits.getBigUint64(0).toString(16).padStart(16, '0')
}

export function loadOf(text: string): number {
  const bits = new DataView(new ArrayBuffer(8))
  bits.setBigUint64(0, BigInt(`0x${text || '0'}`))
  return bits.getFloat64(0)
}

/** The inside of a JSON object: scripts put the events together around it. */
export const headOf = (id: string, capabilities: readonly string[]): string =>
  JSON.stringify({ id, capabilities }).slice(1, -1)

export const idOf = ({ head }: Found): string => (JSON.parse(`{${head}}`) as Pick<RegistryMember, 'id'>).id

type MetadataCodec = Codec<unknown> | undefined

/**
 * Metadata as JSON, whatever codec it has.
 *
 * @throws KeyplanError VALUE_INVALID
 */
export function metadataText(codec: MetadataCodec, metadata: unknown): string {
  if (!codec) return 'null'
  const stored = String(codec.encode(metadata))
  return codec.format === 'json' ? stored : JSON.stringify(stored)
}

function metadataOf(codec: MetadataCodec, text: string): unknown {
  if (!codec) return undefined
  return codec.decode(codec.format === 'json' ? text : (JSON.parse(text) as string))
}

/** @throws any error when it is not one of this registry's */
export function memberOf(codec: MetadataCodec, { joinedAt, load, head, metadata }: Found): RegistryMember {
  const { id, capabilities } = JSON.parse(`{${head}}`) as Pick<RegistryMember, 'id' | 'capabilities'>
  return { id, capabilities, metadata: metadataOf(codec, metadata), load: loadOf(load), joinedAt }
}

/** @throws any error when it is not one of this registry's */
export function eventOf(codec: MetadataCodec, { id, value }: LogEntry): RegistryEvent {
  const { type, member, replaced } = JSON.parse(String(value)) as RegistryChange
  const metadata = metadataOf(codec, JSON.stringify(member.metadata))
  const change = { type, member: { id: member.id, capabilities: member.capabilities, metadata } }
  return { id, at: timeOf(id), ...change, ...(replaced && { replaced }) }
}
