/**
 * Loads a module, TypeScript included, which Node 20 cannot do by itself.
 *
 * What loads TypeScript is loaded only then: it takes longer than the rest of a command.
 */
export async function loadModule(file: string): Promise<unknown> {
  const { createJiti } = await import('jiti')
  // Without files of its own in node_modules or the temporary folder: what it would keep may hold secrets.
  return createJiti(import.meta.url, { fsCache: false }).import(file)
}
