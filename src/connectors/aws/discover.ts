import { canonicalJson } from '../../core/contract/canonical-json.ts'
import type { Facts, Observation } from '../../core/contract/observation.ts'
import { isFirebreakError } from '../../core/contract/errors.ts'
import type { Json } from '../../core/contract/ref.ts'
import { type Account, refIn } from './account.ts'
import type { Gaps } from './documents.ts'
import { absent, keysOf } from './principals.ts'
import { listFunctions, listParameters, listSecrets } from './listings.ts'
import { isApproved } from './places.ts'

/**
 * What no export shows: access keys with their use, console passwords, identity providers, the organization's policies, and
 * what runs as which role. `gaps` are the documents' that were read before.
 */
export async function* discover(account: Account, gaps: Gaps): AsyncGenerator<Observation> {
  const everything = refIn(account, 'account', account.instance)
  const { endpoint } = account.config
  yield {
    see: 'resource',
    ref: everything,
    names: [`AWS account ${account.instance}`],
    facts: asFacts({ endpoint: endpoint ?? null }),
  }
  const parts: [string, string[], () => AsyncIterable<Observation>][] = [
    ['users', ['user', 'access-key'], () => users(account)],
    ['providers', ['oidc-provider', 'saml-provider'], () => providers(account)],
    ['organization', [], () => organization(account)],
    ['secrets', ['secret', 'parameter'], () => stores(account)],
    ['functions', ['function'], () => functions(account)],
  ]
  for (const [scope, hides, read] of parts) {
    try {
      yield* read()
      yield { see: 'covered', scope: `aws:${account.instance}/${scope}`, complete: true }
    } catch (error) {
      if (!isFirebreakError(error)) throw error
      const failed = !['DENIED', 'UNSUPPORTED'].includes(error.code)
      yield gap(account, scope, { why: error.message, failed, hides })
    }
  }
  for (const [scope, found] of gaps) yield gap(account, scope, found)
}

function gap(
  account: Account,
  scope: string,
  { why, failed, hides }: { why: string; failed: boolean; hides: readonly string[] },
): Observation {
  return {
    see: 'covered',
    scope: `aws:${account.instance}/${scope}`,
    complete: false,
    why,
    ...(failed && { failed }),
    ...(hides.length > 0 && { hides }),
  }
}

async function* users(account: Account): AsyncGenerator<Observation> {
  const { call, iam, sdk, config } = account
  let Marker: string | undefined
  do {
    const page = await call('listing users', () =>
      iam.send(new sdk.iam.ListUsersCommand({ Marker, MaxItems: config.pageSize })),
    )
    for (const { UserId, UserName, Arn, PasswordLastUsed } of page.Users ?? []) {
      const identity = refIn(account, 'user', UserId!)
      const password = await call('looking for a console password', () =>
        iam.send(new sdk.iam.GetLoginProfileCommand({ UserName: UserName! })).catch(absent),
      ).catch(unsupported)
      yield {
        see: 'identity',
        ref: identity,
        names: [Arn!, UserName!],
        facts: asFacts({
          hasConsolePassword: password === null ? null : password !== undefined,
          passwordLastUsed: PasswordLastUsed?.toISOString() ?? null,
        }),
      }
      for (const { id, active, created } of await keysOf(account, UserName!)) {
        const used = await call('asking when a key was used', () =>
          iam.send(new sdk.iam.GetAccessKeyLastUsedCommand({ AccessKeyId: id })),
        ).catch(unsupported)
        const last = used?.AccessKeyLastUsed
        yield {
          see: 'credential',
          ref: { ...refIn(account, 'access-key', id), identity },
          facts: asFacts({
            active,
            created: created?.toISOString() ?? null,
            lastUsed: last?.LastUsedDate?.toISOString() ?? null,
            lastUsedService: last?.ServiceName ?? null,
            lastUsedRegion: last?.Region ?? null,
          }),
        }
      }
    }
    Marker = page.IsTruncated ? page.Marker : undefined
  } while (Marker)
}

/** Where a server lacks a call or a right to it, the fact is not known. */
function unsupported(error: unknown): null {
  if (isFirebreakError(error, 'UNSUPPORTED', 'DENIED')) return null
  throw error
}

async function* providers(account: Account): AsyncGenerator<Observation> {
  const { call, iam, sdk } = account
  const oidc = await call('listing OIDC providers', () =>
    iam.send(new sdk.iam.ListOpenIDConnectProvidersCommand({})),
  )
  for (const { Arn } of oidc.OpenIDConnectProviderList ?? []) {
    const provider = await call('reading an OIDC provider', () =>
      iam.send(new sdk.iam.GetOpenIDConnectProviderCommand({ OpenIDConnectProviderArn: Arn! })),
    )
    yield {
      see: 'resource',
      ref: refIn(account, 'oidc-provider', Arn!),
      names: [Arn!, provider.Url ?? ''].filter(Boolean),
      facts: asFacts({ audiences: provider.ClientIDList ?? [] }),
    }
  }
  const saml = await call('listing SAML providers', () => iam.send(new sdk.iam.ListSAMLProvidersCommand({})))
  for (const { Arn, ValidUntil } of saml.SAMLProviderList ?? [])
    yield {
      see: 'resource',
      ref: refIn(account, 'saml-provider', Arn!),
      names: [Arn!],
      facts: asFacts({ validUntil: ValidUntil?.toISOString() ?? null }),
    }
}

/** The service control policies on the account and on everything above it, level by level up to the root. */
async function* organization(account: Account): AsyncGenerator<Observation> {
  const { call, organizations, sdk } = account
  const on = refIn(account, 'account', account.instance)
  let target: string | undefined = account.instance
  while (target !== undefined) {
    const level: string = target
    const { Policies } = await call('listing service control policies', () =>
      organizations.send(
        new sdk.organizations.ListPoliciesForTargetCommand({
          TargetId: level,
          Filter: 'SERVICE_CONTROL_POLICY',
        }),
      ),
    )
    for (const { Id, Name } of Policies ?? []) {
      const { Policy } = await call('reading a service control policy', () =>
        organizations.send(new sdk.organizations.DescribePolicyCommand({ PolicyId: Id! })),
      )
      const said = { kind: 'service-control', name: Name ?? Id!, level, document: Policy?.Content ?? null }
      yield { see: 'policy', on, language: 'aws-iam', text: canonicalJson(said) }
    }
    // The root has nothing above it.
    if (level.startsWith('r-')) return
    const { Parents } = await call('asking what the account is under', () =>
      organizations.send(new sdk.organizations.ListParentsCommand({ ChildId: level })),
    )
    target = Parents?.[0]?.Id
  }
}

/** Secrets and parameters as places, with whether Firebreak may write them. */
async function* stores(account: Account): AsyncGenerator<Observation> {
  const place = (kind: string, id: string, name: string): Observation => ({
    see: 'resource',
    ref: refIn(account, kind, id),
    names: [name],
    facts: asFacts({ approved: isApproved(account, name) }),
  })
  for await (const { ARN, Name } of listSecrets(account)) yield place('secret', ARN!, Name!)
  for await (const { Name } of listParameters(account)) yield place('parameter', Name!, Name!)
}

/** What runs as which role. */
async function* functions(account: Account): AsyncGenerator<Observation> {
  for await (const { FunctionArn, FunctionName, Role, Runtime } of listFunctions(account))
    yield {
      see: 'workload',
      ref: refIn(account, 'function', FunctionArn!),
      names: [FunctionName!],
      facts: asFacts({ runsAs: Role ?? null, runtime: Runtime ?? null }),
    }
}

function asFacts(values: Record<string, Json>): Facts {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value === null ? [] : [[name, { value }]])),
  )
}
