// The drill of the same name, in both modes.
import '../drills/drill.test.ts'
