// npm run build: every package, and the library in few files.
import { build } from './bootstrap.mjs'

if (!build()) process.exit(1)
