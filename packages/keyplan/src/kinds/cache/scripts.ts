import { changeScripts } from './change-scripts.ts'
import { claimScripts } from './claim-scripts.ts'
import { loadScripts } from './load-scripts.ts'
import { tagScripts } from './tag-scripts.ts'

export const cacheScripts = [...loadScripts, ...claimScripts, ...tagScripts, ...changeScripts]
