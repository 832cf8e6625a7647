import { createHash, createHmac, pbkdf2 } from 'node:crypto'
import { promisify } from 'node:util'

const ITERATIONS = 4096

/**
 * What PostgreSQL stores for a password (RFC 5803 in PostgreSQL's writing:
 * `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`, manual, pg_authid). Handed to the server in place of
 * the password, so that the password itself never stands in a statement, and so in no log.
 * The password must be ASCII: SASLprep (RFC 4013) leaves that as it is. `salt` is 16 random bytes.
 */
export async function scramVerifier(password: string, salt: Uint8Array): Promise<string> {
  if (!/^[\x21-\x7e]+$/.test(password)) throw new TypeError('only passwords of printable ASCII are made here')
  const salted = await promisify(pbkdf2)(password, salt, ITERATIONS, 32, 'sha256')
  const key = (label: string) => createHmac('sha256', salted).update(label).digest()
  const storedKey = createHash('sha256').update(key('Client Key')).digest('base64')
  const serverKey = key('Server Key').toString('base64')
  return `SCRAM-SHA-256$${ITERATIONS}:${Buffer.from(salt).toString('base64')}$${storedKey}:${serverKey}`
}
