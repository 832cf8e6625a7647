import { FirebreakError } from '../../core/contract/errors.ts'

/**
 * Why a request was refused, in OAuth's own words: RFC 6749 (section 5.2), RFC 6750 (3.1), RFC 7009 (2.2.1), RFC 8628 (3.5), RFC 8693 (2.2.2),
 * RFC 9449 (5 and 8). `http` is the status that goes with each.
 */
export const OAUTH_ERRORS = {
  invalid_request: { http: 400 },
  invalid_client: { http: 401 },
  invalid_grant: { http: 400 },
  unauthorized_client: { http: 400 },
  invalid_scope: { http: 400 },
  invalid_target: { http: 400 },
  invalid_dpop_proof: { http: 400 },
  use_dpop_nonce: { http: 400 },
  unsupported_grant_type: { http: 400 },
  unsupported_token_type: { http: 400 },
  invalid_token: { http: 401 },
  authorization_pending: { http: 400 },
  access_denied: { http: 403 },
  insufficient_scope: { http: 403 },
  server_error: { http: 500 },
  temporarily_unavailable: { http: 503 },
} as const

export type OauthErrorCode = keyof typeof OAUTH_ERRORS

/** A refusal. It is an answer, and not a failure of ours; its description says nothing of what was presented. */
export class OauthError extends Error {
  readonly code: OauthErrorCode
  /** Whether it stands in the evidence already, with more than the caller is told. */
  readonly recorded: boolean
  /** What the caller needs beside the error, such as a nonce. */
  readonly headers: Readonly<Record<string, string>>

  constructor(
    code: OauthErrorCode,
    description: string,
    more: { readonly recorded?: boolean; readonly headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(description)
    this.name = 'OauthError'
    this.code = code
    this.recorded = more.recorded ?? false
    this.headers = more.headers ?? {}
  }
}

/** The same as who asked for a lease is told it on the command line. */
export function failureOf(code: string, description: string): FirebreakError {
  const said = `${description} (${code})`
  const unproven = ['access_denied', 'authorization_pending', 'invalid_token', 'invalid_client']
  if (unproven.includes(code))
    return new FirebreakError('DENIED', said, 'firebreak policy explain, at the broker')
  if (code === 'invalid_target')
    return new FirebreakError('INVALID_INPUT', said, 'what is offered stands in the broker’s configuration')
  const isLater = code === 'temporarily_unavailable' || code === 'server_error'
  return new FirebreakError(isLater ? 'UNREACHABLE' : 'INVALID_INPUT', said)
}
