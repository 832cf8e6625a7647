// The drill of the same name, at each boundary of each step and at more seeded moments.
import '../drills/kill.test.ts'
