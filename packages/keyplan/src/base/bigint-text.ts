/** Lets JSON write an object that holds bigints, of which it has none: they become text. */
export function bigintsAsText<T extends object>(value: T): T {
  return Object.defineProperty(value, 'toJSON', { value: asText, configurable: true })
}

function asText(this: object): object {
  return Object.fromEntries(
    Object.entries(this).map(([name, value]) => [name, typeof value === 'bigint' ? value.toString() : value]),
  )
}
