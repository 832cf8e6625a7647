// The laws of the same name, with a fault at every call.
import '../laws/postgres-server.test.ts'
