import type { IAMClient } from '@aws-sdk/client-iam'
import type { LambdaClient } from '@aws-sdk/client-lambda'
import type { OrganizationsClient } from '@aws-sdk/client-organizations'
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import type { SSMClient } from '@aws-sdk/client-ssm'
import type { STSClient } from '@aws-sdk/client-sts'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'
import type { Ref } from '../../core/contract/ref.ts'
import type { AwsConfig } from './config.ts'
import { asksForPatience, toFailure } from './failure.ts'

/** What the SDK sends requests with: a twin in memory has one of its own. */
export interface RequestHandler {
  handle(request: unknown, options?: { abortSignal?: unknown }): Promise<{ response: unknown }>
}

/** The keys of one caller. */
export interface Keys {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

/** The commands of the SDK, loaded when a connection is opened: they take a third of a second. */
export async function loadSdk() {
  const [iam, sts, secrets, ssm, lambda, organizations] = await Promise.all([
    import('@aws-sdk/client-iam'),
    import('@aws-sdk/client-sts'),
    import('@aws-sdk/client-secrets-manager'),
    import('@aws-sdk/client-ssm'),
    import('@aws-sdk/client-lambda'),
    import('@aws-sdk/client-organizations'),
  ])
  return { iam, sts, secrets, ssm, lambda, organizations }
}
export type Sdk = Awaited<ReturnType<typeof loadSdk>>

/** The account as our own key sees it. */
export interface Account {
  readonly config: AwsConfig
  readonly io: Io
  readonly sdk: Sdk
  readonly instance: string
  readonly iam: IAMClient
  readonly sts: STSClient
  readonly secrets: SecretsManagerClient
  readonly ssm: SSMClient
  readonly lambda: LambdaClient
  readonly organizations: OrganizationsClient
  /** What a client of another service is made with; whoever makes one destroys it. */
  settingsOf(service: string): ReturnType<typeof clientSettings>
  /** A client for whoever has these keys, at our own endpoint. */
  stsAs(keys: Keys): STSClient
  storesAs(keys: Keys): Pick<Account, 'secrets' | 'ssm'>
  /** Runs a call that changes nothing, its failures as ours; where the server asks for patience, it is tried again. */
  call<T>(doing: string, work: () => Promise<T>): Promise<T>
  /** The same, for what changes something: first the endpoint shows that it is still this account. */
  change<T>(doing: string, work: () => Promise<T>): Promise<T>
  /** Whether the endpoint still leads to this account. */
  stillHere(): Promise<boolean>
  close(): void
}

const MOST_ATTEMPTS = 5
const FIRST_PAUSE_MS = 50

function clientSettings(
  config: AwsConfig,
  handler: RequestHandler | undefined,
  service: string,
  credentials: Keys,
) {
  return {
    region: config.region,
    ...(config.endpoint !== undefined && { endpoint: config.endpoint.replace('{service}', service) }),
    credentials,
    // A key that was made and not heard of must not be made again: what is tried again is decided in call().
    maxAttempts: 1,
    ...(handler
      ? { requestHandler: handler as never }
      : {
          requestHandler: {
            requestTimeout: config.requestTimeoutMs,
            connectionTimeout: config.requestTimeoutMs,
          },
        }),
  }
}

/** Asks once, to learn which account this is. */
export async function openAccount(config: AwsConfig, io: Io, handler?: RequestHandler): Promise<Account> {
  const sdk = await loadSdk()
  const settings = (service: string, keys: Keys) => clientSettings(config, handler, service, keys)
  const own: Keys = {
    accessKeyId: config.accessKeyId,
    secretAccessKey: config.secretAccessKey.revealText(),
    ...(config.sessionToken && { sessionToken: config.sessionToken.revealText() }),
  }
  const clients = {
    sts: new sdk.sts.STSClient(settings('sts', own)),
    iam: new sdk.iam.IAMClient(settings('iam', own)),
    secrets: new sdk.secrets.SecretsManagerClient(settings('secretsmanager', own)),
    ssm: new sdk.ssm.SSMClient(settings('ssm', own)),
    lambda: new sdk.lambda.LambdaClient(settings('lambda', own)),
    organizations: new sdk.organizations.OrganizationsClient(settings('organizations', own)),
  }
  const call = async <T>(doing: string, work: () => Promise<T>): Promise<T> => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work()
      } catch (error) {
        if (io.signal.aborted) throw io.signal.reason
        if (attempt === MOST_ATTEMPTS || !asksForPatience(error)) throw toFailure(error, doing)
        await io.sleep(FIRST_PAUSE_MS * 2 ** attempt)
      }
    }
  }
  const once = async <T>(doing: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      if (io.signal.aborted) throw io.signal.reason
      throw toFailure(error, doing)
    }
  }
  const askAccount = async () => {
    const { Account } = await call('asking whose key this is', () =>
      clients.sts.send(new sdk.sts.GetCallerIdentityCommand({}), { abortSignal: io.signal }),
    )
    if (!Account) throw new FirebreakError('UNSUPPORTED', 'the server does not say which account it is')
    return Account
  }
  const instance = await askAccount()
  return {
    config,
    io,
    sdk,
    instance,
    ...clients,
    settingsOf: service => settings(service, own),
    stsAs: keys => new sdk.sts.STSClient(settings('sts', keys)),
    storesAs: keys => ({
      secrets: new sdk.secrets.SecretsManagerClient(settings('secretsmanager', keys)),
      ssm: new sdk.ssm.SSMClient(settings('ssm', keys)),
    }),
    call,
    stillHere: async () => (await askAccount()) === instance,
    async change(doing, work) {
      const now = await askAccount()
      if (now !== instance)
        throw new FirebreakError(
          'CONFLICT',
          `the key leads to account ${now} now, expected ${instance}`,
          'Find out whose key it is; open a new connection for that account if it is meant.',
        )
      return await once(doing, work)
    },
    close() {
      for (const client of Object.values(clients)) client.destroy()
    },
  }
}

export function refIn(account: Pick<Account, 'instance'>, kind: string, id: string): Ref {
  return { system: 'aws', instance: account.instance, kind, id }
}

/** Raises CONFLICT for another account's thing, UNSUPPORTED for one of another kind. */
export function mustBeHere(account: Pick<Account, 'instance'>, ref: Ref, ...kinds: string[]): void {
  if (ref.system !== 'aws' || !kinds.includes(ref.kind))
    throw new FirebreakError('UNSUPPORTED', `${ref.system} ${ref.kind} is no ${kinds.join(' or ')} of AWS`)
  if (ref.instance !== account.instance)
    throw new FirebreakError(
      'CONFLICT',
      `the reference is to account ${ref.instance}, this is ${account.instance}`,
      'Use the connection of that account.',
    )
}
