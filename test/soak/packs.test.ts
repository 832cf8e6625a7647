// The tests of the same name, with more packs that are damaged.
import '../connectors/git/packs.test.ts'
