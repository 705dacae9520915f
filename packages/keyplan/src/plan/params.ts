/** The names of a pattern's parameters: `'user:<userId>'` → `'userId'`. */
export type ParamName<P extends string> = P extends `${string}<${infer Name}>${infer Tail}`
  ? (Name extends `${infer Rest}...` ? Rest : Name) | ParamName<Tail>
  : never

/**
 * What addresses one key of a pattern: `Params<'user:<userId>:<depth>'>` is
 * `{ userId: string | number; depth: string | number }`.
 */
export type Params<P extends string> = string extends P
  ? Record<string, string | number>
  : ParamName<P> extends infer Name extends string
    ? { [N in Name]: string | number }
    : never
