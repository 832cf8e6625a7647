/** A part that begins like base64 of `{"`. */
const PART = /eyJ[A-Za-z0-9+/_-]{2,16000}/g

/** Members of the last JSON object that a token holds in base64, by the names that they are told under. */
export function membersOf(token: string, members: Readonly<Record<string, string>>): Record<string, unknown> {
  const object = objects(token).at(-1)
  if (!object) return {}
  return Object.fromEntries(Object.entries(members).map(([name, member]) => [name, object.get(member)]))
}

/**
 * What a JSON Web Token says of itself (RFC 7519, section 4.1), and with what it was signed.
 * https://datatracker.ietf.org/doc/html/rfc7519#section-4.1
 */
export function jwtFacts(token: string): Record<string, unknown> {
  const [header, claims] = objects(token)
  if (!claims) return {}
  return {
    issuer: claims.get('iss'),
    subject: claims.get('sub'),
    audience: claims.get('aud'),
    client: claims.get('azp') ?? claims.get('client_id'),
    issued: claims.get('iat'),
    expires: claims.get('exp'),
    algorithm: header?.get('alg'),
    keyId: header?.get('kid'),
  }
}

function objects(token: string): Map<string, unknown>[] {
  const found: Map<string, unknown>[] = []
  for (const [part] of token.matchAll(PART)) {
    try {
      const value: unknown = JSON.parse(Buffer.from(part, 'base64').toString('utf8'))
      if (typeof value === 'object' && value !== null && !Array.isArray(value))
        found.push(new Map(Object.entries(value)))
    } catch {
      // Not JSON: a signature may begin so.
    }
  }
  return found
}
