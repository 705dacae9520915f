#!/usr/bin/env node
// Here and not in dist, so that npm finds it to link before anything is built.
import { main } from '../dist/cli/main.js'

await main()
