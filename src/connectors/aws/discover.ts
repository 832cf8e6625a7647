import type { Facts, Observation } from '../../core/contract/observation.ts'
import { isFirebreakError } from '../../core/contract/errors.ts'
import type { Json } from '../../core/contract/ref.ts'
import { type Account, refIn } from './account.ts'
import type { Gaps } from './documents.ts'
import { absent, keysOf } from './principals.ts'
import { listFunctions, listParameters, listSecrets } from './listings.ts'
import { isApproved } from './places.ts'
import { policyWithAccounts, unsupported } from './policy-on.ts'
import { buckets, queues, topics } from './resource-policies.ts'

/**
 * What no export shows: access keys with their use, console passwords, identity providers, what is stored with the policies on
 * it, and what runs as which role. `gaps` are the documents' that were read before.
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
    ['secrets', ['secret', 'parameter'], () => stores(account)],
    ['functions', ['function'], () => functions(account)],
    ['buckets', ['bucket'], () => buckets(account)],
    ['queues', ['queue'], () => queues(account)],
    ['topics', ['topic'], () => topics(account)],
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
      const keys = await keysOf(account, UserName!)
      yield {
        see: 'identity',
        ref: identity,
        names: [Arn!, UserName!],
        facts: asFacts({
          accessKeys: keys.length,
          hasConsolePassword: password === null ? null : password !== undefined,
          passwordLastUsed: PasswordLastUsed?.toISOString() ?? null,
        }),
      }
      for (const { id, active, created } of keys) {
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

/** Secrets and parameters as places, with whether Firebreak may write them. */
async function* stores(account: Account): AsyncGenerator<Observation> {
  const place = (kind: string, id: string, names: string[], kmsKey: string | undefined): Observation => ({
    see: 'resource',
    ref: refIn(account, kind, id),
    names,
    // Those of AWS's own need no right.
    facts: asFacts({
      approved: isApproved(account, names[0]!),
      kmsKey: kmsKey === undefined || kmsKey.includes('alias/aws/') ? null : kmsKey,
    }),
  })
  for await (const { ARN, Name, KmsKeyId } of listSecrets(account)) {
    // A text may leave out the hyphen and the six characters that AWS ends it with.
    yield place('secret', ARN!, [Name!, ARN!, ARN!.slice(0, -7)], KmsKeyId)
    yield* secretPolicy(account, ARN!)
  }
  for await (const { ARN, Name, Type, KeyId } of listParameters(account)) {
    const arn = ARN ?? parameterArn(account, Name!)
    yield place('parameter', Name!, [Name!, arn], Type === 'SecureString' ? KeyId : undefined)
  }
}

/** A secret lets others read it by a policy of its own. */
async function* secretPolicy(
  { call, secrets, sdk, instance }: Account,
  SecretId: string,
): AsyncGenerator<Observation> {
  const answer = await call('reading the policy of a secret', () =>
    secrets.send(new sdk.secrets.GetResourcePolicyCommand({ SecretId })),
  ).catch(unsupported)
  yield* policyWithAccounts(
    { instance },
    'secret',
    SecretId,
    answer === null ? undefined : (answer.ResourcePolicy ?? null),
  )
}

/** So does a function. */
async function* functionPolicy(
  { call, lambda, sdk, instance }: Account,
  arn: string,
): AsyncGenerator<Observation> {
  const answer = await call('reading the policy of a function', () =>
    lambda.send(new sdk.lambda.GetPolicyCommand({ FunctionName: arn })).catch(absent),
  ).catch(unsupported)
  yield* policyWithAccounts(
    { instance },
    'function',
    arn,
    answer === null ? undefined : (answer?.Policy ?? null),
  )
}

function parameterArn({ config, instance }: Account, name: string): string {
  return `arn:aws:ssm:${config.region}:${instance}:parameter/${name.replace(/^\//, '')}`
}

/** What runs as which role. */
async function* functions(account: Account): AsyncGenerator<Observation> {
  for await (const { FunctionArn, FunctionName, Role, Runtime, KMSKeyArn } of listFunctions(account)) {
    yield {
      see: 'workload',
      ref: refIn(account, 'function', FunctionArn!),
      names: [FunctionName!],
      facts: asFacts({
        runsAs: Role ?? null,
        runtime: Runtime ?? null,
        kmsKey: KMSKeyArn ?? null,
        approved: isApproved(account, FunctionName!),
      }),
    }
    yield* functionPolicy(account, FunctionArn!)
  }
}

function asFacts(values: Record<string, Json>): Facts {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value === null ? [] : [[name, { value }]])),
  )
}
