/** The issuer of workloads that are clients of the configuration: they vouch for themselves, with their key. */
export const CLIENT = 'client'

/** Who asks, as it was attested. */
export interface Workload {
  /** Who said so: an OIDC issuer, `client` for a client of the configuration, `join` for who brought a join token, `local` for who may open the database itself. */
  readonly issuer: string
  readonly subject: string
  /** What else the issuer says, as far as it is text. */
  readonly claims: Readonly<Record<string, string>>
}
