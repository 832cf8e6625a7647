/** Nothing that is sent there leaves the machine. Only the literal address counts: what a name resolves to can change. */
export function isLoopback(url: URL): boolean {
  return url.hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(url.hostname)
}
