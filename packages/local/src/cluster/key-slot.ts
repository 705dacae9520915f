/** How many slots a cluster has. */
export const slotCount = 16_384

/**
 * The slot of a key, as the Redis Cluster specification defines it: CRC16 (polynomial 0x1021, initially 0, the variant
 * called XMODEM) of the part between the first `{` and the next `}` where that is not empty, else of the whole key.
 */
export function keySlot(key: string): number {
  const opening = key.indexOf('{')
  const closing = opening < 0 ? -1 : key.indexOf('}', opening + 1)
  const hashed = closing > opening + 1 ? key.slice(opening + 1, closing) : key
  let crc = 0
  for (const byte of Buffer.from(hashed)) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff
  }
  return crc % slotCount
}
