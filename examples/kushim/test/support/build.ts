import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** The tests run programs, and those run what was built. */
export default function build(): void {
  const script = fileURLToPath(new URL('../../../../scripts/build.mjs', import.meta.url))
  execFileSync(process.execPath, [script], { stdio: 'inherit' })
}
