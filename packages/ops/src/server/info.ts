/** The fields of an INFO reply, as the server spells them. */
export type ServerInfo = ReadonlyMap<string, string>

/** Reads the text of INFO: `name:value` lines; headings and blank lines are passed over. */
export function parseInfo(text: string): ServerInfo {
  const fields = new Map<string, string>()
  for (const line of text.split(/\r?\n/)) {
    const colon = line.indexOf(':')
    if (colon > 0 && line[0] !== '#') fields.set(line.slice(0, colon), line.slice(colon + 1))
  }
  return fields
}

/** A field that is a number, or undefined where the server did not say it or said something else. */
export function infoNumber(info: ServerInfo, field: string): number | undefined {
  const text = info.get(field)
  if (text === undefined || text === '') return undefined
  const value = Number(text)
  return Number.isFinite(value) ? value : undefined
}
