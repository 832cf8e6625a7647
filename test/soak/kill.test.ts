// The drill of the same name, at more seeded moments.
import '../drills/kill.test.ts'
