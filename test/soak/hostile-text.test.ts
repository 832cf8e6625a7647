// The tests of the same name, over longer texts.
import '../know/readers/secrets/hostile-text.test.ts'
