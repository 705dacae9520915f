import fc from 'fast-check'

const pieces = [
  ...[':', '*', '?', '[', ']', '\\', '{', '}', '<', '>', '^', '-', '%', '~', '.', '_', ' ', '/', '"', "'"],
  ...['\0', '\r\n', '\x1b', '\x7f', '\x85', '\u{a0}', '\u{feff}', '\u{2028}'],
  // One character in its two normal forms, then characters outside the basic plane.
  ...['\u00e9', 'e\u0301', '\u{1f600}', '\u{10ffff}'],
  ...['%3A', '%3a', '%-', '%00', '%25', '%C2%85', '3A', '~fence', ':~', '{}', '}{', '..', '__proto__'],
  ...['a', 'b', 'A', '0', '1', 'user'],
]

/** Texts that a hostile user would send, none of them ill-formed or over-long. */
export const nastyText = fc.array(fc.constantFrom(...pieces), { maxLength: 5 }).map(parts => parts.join(''))

/** The same, now and then one that a key cannot hold. */
export const nastyOrRefused = fc.oneof(
  { weight: 40, arbitrary: nastyText },
  {
    weight: 2,
    arbitrary: fc.tuple(nastyText, fc.constantFrom('\ud800', '\udc00', '\udc00\ud800')).map(two => two.join('')),
  },
  { weight: 1, arbitrary: fc.constantFrom('x'.repeat(65_536), ':'.repeat(1_025), '\u{1f600}'.repeat(257)) },
)
