// The laws of the same name, with a fault at every call, and at a server that trusts everybody.
import '../laws/postgres-server.test.ts'
