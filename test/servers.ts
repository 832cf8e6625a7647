/**
 * A server that a test needs. Where it is absent the test is skipped, with a sentence that says how to install it; with
 * FIREBREAK_REQUIRE_SERVERS=1 its absence is a failure.
 */
export function requireServer(
  name: string,
  present: boolean,
  install: string,
): { skip: boolean; reason: string } {
  if (present) return { skip: false, reason: '' }
  if (process.env['FIREBREAK_REQUIRE_SERVERS'] === '1')
    throw new Error(`${name} is not installed, and nothing may be skipped: ${install}`)
  return { skip: true, reason: `(skipped: ${name} is not installed; ${install})` }
}
