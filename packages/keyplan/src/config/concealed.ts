const keep = ['servername', 'minVersion', 'maxVersion', 'rejectUnauthorized']
const inspected = Symbol.for('nodejs.util.inspect.custom')

/**
 * The same object, which shows its keys and no secret when it is printed or written as JSON. What it holds is there as
 * ever, also for a copy of it.
 */
export function concealed<T extends object>(options: T): T {
  const show = () =>
    Object.fromEntries(
      Object.entries(options).map(([name, value]) => [name, keep.includes(name) ? value : '(not shown)']),
    )
  const hidden = { value: show, enumerable: false }
  return Object.defineProperties(options, { toJSON: hidden, [inspected]: hidden })
}
