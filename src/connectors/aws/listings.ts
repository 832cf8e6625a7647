import type { FunctionConfiguration } from '@aws-sdk/client-lambda'
import type { ParameterMetadata } from '@aws-sdk/client-ssm'
import type { SecretListEntry } from '@aws-sdk/client-secrets-manager'
import type { Account } from './account.ts'

/** The most that each service gives at once. */
const [MOST_SECRETS, MOST_PARAMETERS, MOST_FUNCTIONS] = [100, 50, 50]

export async function* listSecrets({ call, secrets, sdk, config }: Account): AsyncGenerator<SecretListEntry> {
  const MaxResults = Math.min(MOST_SECRETS, config.pageSize)
  let NextToken: string | undefined
  do {
    const page = await call('listing secrets', () =>
      secrets.send(new sdk.secrets.ListSecretsCommand({ NextToken, MaxResults })),
    )
    yield* page.SecretList ?? []
    NextToken = page.NextToken
  } while (NextToken)
}

export async function* listParameters({
  call,
  ssm,
  sdk,
  config,
}: Account): AsyncGenerator<ParameterMetadata> {
  const MaxResults = Math.min(MOST_PARAMETERS, config.pageSize)
  let NextToken: string | undefined
  do {
    const page = await call('listing parameters', () =>
      ssm.send(new sdk.ssm.DescribeParametersCommand({ NextToken, MaxResults })),
    )
    yield* page.Parameters ?? []
    NextToken = page.NextToken
  } while (NextToken)
}

export async function* listFunctions({
  call,
  lambda,
  sdk,
  config,
}: Account): AsyncGenerator<FunctionConfiguration> {
  const MaxItems = Math.min(MOST_FUNCTIONS, config.pageSize)
  let Marker: string | undefined
  do {
    const page = await call('listing functions', () =>
      lambda.send(new sdk.lambda.ListFunctionsCommand({ Marker, MaxItems })),
    )
    yield* page.Functions ?? []
    Marker = page.NextMarker
  } while (Marker)
}
