/** Marks text for a person; without colours it returns it as it is. */
export type Paint = (style: 'bold' | 'dim' | 'green' | 'yellow' | 'red', text: string) => string

/** What an action has to say: the same for a program and for a person. */
export interface Report {
  /** As it goes into JSON. */
  readonly data: unknown
  /** Undefined when there is nothing a person has not seen. */
  readonly text?: (paint: Paint) => string
  /** Default 0. */
  readonly exitCode?: number
}

/** Columns as wide as their widest cell, two spaces apart; the last one is not filled up. */
export function columns(
  rows: readonly (readonly string[])[],
  paint: (cell: string, column: number) => string,
): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)))
  return rows.map(row =>
    row
      .map((cell, column) => paint(cell, column) + ' '.repeat(Math.max(0, (widths[column] ?? 0) - cell.length)))
      .join('  ')
      .trimEnd(),
  )
}
