// Preloaded (node -r) before anything a Node that is too old could not even read: keep to the syntax of 2015.
'use strict'

const [major, minor] = process.versions.node.split('.').map(Number)

if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Keyplan needs Node 20.19 or later; this is ${process.versions.node}.`)
  process.exit(1)
}
