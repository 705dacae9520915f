// Preloaded (node -r): this Node says from now on that it is the version DISGUISE.
'use strict'

const version = process.env.DISGUISE

Object.defineProperty(process, 'version', { value: `v${version}` })
Object.defineProperty(process, 'versions', { value: { ...process.versions, node: version } })
