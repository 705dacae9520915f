import { sessionConformance } from '../conformance/session.ts'
import { memoryHarness } from './session-harness.ts'

sessionConformance('memory', async () => memoryHarness())
