/** Writes one line of the application's log. */
export type Log = (line: string) => void

export const consoleLog: Log = line => {
  process.stdout.write(`${line}\n`)
}
