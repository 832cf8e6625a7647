/** One word for why a request got no answer, a certificate that does not hold among them; never the driver's text, which may hold what was sent. */
export function networkReason(error: unknown): string {
  for (let at = error, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth++) {
    const { code, name } = at as { code?: unknown; name: string }
    if (typeof code === 'string' && /^(?:E|CERT_|DEPTH_|SELF_|UNABLE_)[A-Z_]+$/.test(code)) return code
    if (name === 'TimeoutError' || name === 'AbortError') return 'no answer in time'
  }
  return 'the connection broke off'
}
