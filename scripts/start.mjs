// npm start: everything a fresh machine lacks, then the Kushim example on two instances.
import { build, installPackages, provideRedis } from './bootstrap.mjs'

if (!installPackages()) stop('The npm packages could not be installed; the reason stands above.')
console.log('Building …')
if (!build()) stop('The build failed; the reason stands above.')

// A server that is named is used as it is. Where none can be had, the example runs in memory and says so.
if (!process.env.REDIS_URL && !process.env.KUSHIM_REDIS_SERVER) await provideRedis()

// In this process, so that no signal has to be handed on and nothing is left behind when it is killed.
await import('../examples/kushim/dist/launch.js')

function stop(reason) {
  console.error(reason)
  process.exit(1)
}
