/** How many parts a cluster divides its keys into. */
export const slotCount = 16_384

/** CRC-16/XMODEM, polynomial 0x1021: what the Redis Cluster specification prescribes. */
const table = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1
  return crc
})

/** The slot of a key: of its hash tag, what stands between the first `{` and the next `}`, if that is not empty. */
export function slotOf(key: string): number {
  const open = key.indexOf('{')
  const close = open < 0 ? -1 : key.indexOf('}', open + 1)
  const [from, to] = close > open + 1 ? [open + 1, close] : [0, key.length]
  let crc = 0
  for (let index = from; index < to; index++) {
    const code = key.charCodeAt(index)
    if (code > 127) return crcOf(Buffer.from(key.slice(from, to)))
    crc = ((crc << 8) & 0xffff) ^ table[(crc >> 8) ^ code]!
  }
  return crc % slotCount
}

function crcOf(bytes: Uint8Array): number {
  let crc = 0
  for (const byte of bytes) crc = ((crc << 8) & 0xffff) ^ table[(crc >> 8) ^ byte]!
  return crc % slotCount
}
