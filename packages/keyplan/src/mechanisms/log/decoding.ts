/** Reads what is stored. What does not decode, such as what other software has put there, is left out and counted. */
export function decoding<Stored, T>(
  read: (stored: Stored) => T | undefined,
  counting: { undecodable: number },
): (stored: Stored) => T | undefined {
  return stored => {
    try {
      const decoded = read(stored)
      if (decoded !== undefined) return decoded
    } catch {
      // Counted.
    }
    counting.undecodable++
    return undefined
  }
}
