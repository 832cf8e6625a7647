// The tests of the same name, over longer texts.
import '../know/readers/secrets/rules/hostile-text.test.ts'
