import { arnParts } from './expansion.ts'
import type { Principals, Statement } from './policy.ts'

/** Who asks, read from its ARN, account id, or service name. */
export interface Principal {
  readonly text: string
  readonly kind: 'user' | 'role' | 'session' | 'federated-user' | 'root' | 'service' | 'anonymous' | 'other'
  readonly account: string | undefined
  /** For a session, the role's name without its path, which the session's ARN does not tell. */
  readonly roleName?: string
}

/**
 * How a statement names the principal: itself (`direct`), by the role that its session is of (`role`), by its account,
 * which leaves the decision to identity policies there (`account`), or not at all.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
 */
export type Named = 'direct' | 'role' | 'account' | 'no'

/** Most questions in a row are about the same one, or a policy's. */
const MOST_KEPT = 1024
const kept = new Map<string, Principal>()

export function readPrincipal(text: string): Principal {
  const known = kept.get(text)
  if (known) return known
  const principal = read(text)
  if (kept.size >= MOST_KEPT) kept.clear()
  kept.set(text, principal)
  return principal
}

function read(text: string): Principal {
  if (text === '*' || text === '' || text === 'anonymous')
    return { text, kind: 'anonymous', account: undefined }
  if (/^\d{12}$/.test(text)) return { text, kind: 'root', account: text }
  if (!text.startsWith('arn:'))
    return /\.amazonaws\.com(?:\.cn)?$/.test(text)
      ? { text, kind: 'service', account: undefined }
      : { text, kind: 'other', account: undefined }
  const [, , service, , account, resource = ''] = arnParts(text)
  const [type, name = ''] = splitOnce(resource)
  // What has a name in its place, as CloudFront's access identities do, is of no account.
  const common = { text, account: account && /^\d+$/.test(account) ? account : undefined }
  if (service === 'sts' && type === 'assumed-role')
    return { ...common, kind: 'session', roleName: splitOnce(name)[0]! }
  if (service === 'sts' && type === 'federated-user') return { ...common, kind: 'federated-user' }
  if (service === 'iam' && resource === 'root') return { ...common, kind: 'root' }
  if (service === 'iam' && type === 'user') return { ...common, kind: 'user' }
  if (service === 'iam' && type === 'role') return { ...common, kind: 'role', roleName: lastPart(name) }
  return { ...common, kind: 'other' }
}

/**
 * How the statement's principals name this one; for NotPrincipal, `direct` where it is not among those left out.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
 */
export function namedBy(
  principals: Principals,
  { principal, bounded }: { readonly principal: Principal; readonly bounded: boolean },
  effect: Statement['effect'],
): Named {
  const named = strongest(
    Object.entries(principals.byType).flatMap(([type, values]) =>
      values.map(value => namedAs(type, value, principal)),
    ),
  )
  if (!principals.not) return named
  if (effect !== 'Deny') return named === 'no' ? 'direct' : 'no'
  // A deny spares no one who has a permission boundary, and no one for whom it leaves out the account or the role alone.
  const spared = !bounded && (named === 'direct' || (named === 'role' && principal.kind === 'role'))
  return spared ? 'no' : 'direct'
}

function namedAs(type: string, value: string, principal: Principal): Named {
  if (type === 'AWS') return namedInAws(value, principal)
  if (value === '*') return same(principal.kind === (type === 'Service' ? 'service' : 'other'))
  // Cognito is an identity provider, and has the name of a service.
  return same(principal.text === value)
}

function namedInAws(value: string, principal: Principal): Named {
  if (value === '*') return 'direct'
  // Who is asked about as a role acts in one of its sessions.
  if (value === principal.text) return principal.kind === 'role' ? 'role' : 'direct'
  const wanted = readPrincipal(value)
  if (wanted.kind === 'root') {
    if (wanted.account === undefined || wanted.account !== principal.account) return 'no'
    return principal.kind === 'root' ? 'direct' : 'account'
  }
  const isSessionOfRole =
    wanted.kind === 'role' &&
    principal.kind === 'session' &&
    wanted.account === principal.account &&
    wanted.roleName === principal.roleName
  return isSessionOfRole ? 'role' : 'no'
}

function strongest(all: readonly Named[]): Named {
  return (['direct', 'role', 'account'] as const).find(named => all.includes(named)) ?? 'no'
}

function same(is: boolean): Named {
  return is ? 'direct' : 'no'
}

function splitOnce(text: string): [string, string?] {
  const at = text.indexOf('/')
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
