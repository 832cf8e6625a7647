// The drill of the same name, in both modes.
import '../drills/canary.test.ts'
