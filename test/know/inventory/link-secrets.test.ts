import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { memoryAws } from '../../../src/connectors/aws/memory.ts'
import { memoryAzure } from '../../../src/connectors/azure/memory.ts'
import { memoryGcp } from '../../../src/connectors/gcp/memory.ts'
import type { Connection } from '../../../src/core/contract/connector.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import type { Finding } from '../../../src/know/inventory/fold.ts'
import { rootOf } from '../../../src/know/inventory/merge.ts'
import { observe } from '../../../src/know/observe/observe.ts'
import { azurePipelinesReader } from '../../../src/know/readers/azure-pipelines/azure-pipelines.ts'
import { gitlabCiReader } from '../../../src/know/readers/gitlab-ci/gitlab-ci.ts'
import { kubernetesReader } from '../../../src/know/readers/kubernetes/kubernetes.ts'
import { openEstate, ownDirectory, testKeys } from '../estate.ts'
import { observed } from '../readers/both-ways.ts'

interface Cloud {
  readonly connection: Promise<Connection>
  /** How the cloud itself calls the secret. */
  readonly id: string
  readonly kind?: string
  /** Stores of the External Secrets Operator, with what is asked of each. */
  readonly external: readonly [provider: string, key: string][]
  /** What a SecretProviderClass mounts. */
  readonly mounted: string
  /** What a job of GitLab's is given, beside variables. */
  readonly given: readonly [secret: string, variables?: string][]
}

function aws(): Cloud {
  const twin = memoryAws()
  const { id } = twin.account.addValue('secrets', 'prod/db', 'aaaa')
  twin.account.addValue('secrets', 'prod/other', 'bbbb')
  const role = `arn:aws:iam::${twin.account.number}:role/reader`
  return {
    connection: twin.connector.open({} as never, realIo()),
    id,
    external: [
      ['{ aws: { service: SecretsManager } }', id],
      ['{ aws: { service: SecretsManager } }', id.slice(0, -7)],
      [`{ aws: { service: SecretsManager, role: "${role}" } }`, 'prod/db'],
    ],
    mounted: `spec: { provider: aws, parameters: { objects: "[{ objectName: '${id}', objectType: secretsmanager }]" } }`,
    given: [
      [`aws_secrets_manager: { secret_id: "${id}", field: url }`],
      [`aws_secrets_manager: "${id}#url"`],
      ['aws_secrets_manager: { secret_id: prod/db }', `{ AWS_ROLE_ARN: "${role}" }`],
      [`aws_secrets_manager: { secret_id: prod/db, role_arn: "${role}" }`],
    ],
  }
}

function gcp(): Cloud {
  const twin = memoryGcp()
  twin.secrets.set('db', ['aaaa']).set('other', ['bbbb'])
  return {
    connection: twin.connector.open({} as never, realIo()),
    id: 'secrets/db',
    external: [[`{ gcpsm: { projectID: ${twin.project} } }`, 'db']],
    mounted: `spec: { provider: gcp, parameters: { secrets: "[{ resourceName: projects/${twin.project}/secrets/db/versions/latest }]" } }`,
    given: [
      [`gcp_secret_manager: { name: projects/${twin.number}/secrets/db }`],
      ['gcp_secret_manager: { name: db, version: 1 }', `{ GCP_PROJECT_NUMBER: "${twin.number}" }`],
    ],
  }
}

function azure(): Cloud {
  const twin = memoryAzure()
  for (const vault of ['Shop-KV', 'other-kv']) twin.setSecret(vault, 'Db', 'aaaa')
  return {
    connection: twin.connector.open({} as never, realIo()),
    kind: 'key-vault-secret',
    id: `${twin.vaults.get('shop-kv')!.id.toLowerCase()}/secrets/db`,
    external: [['{ azurekv: { vaultUrl: "https://shop-kv.vault.azure.net" } }', 'secret/db']],
    mounted: `spec: { provider: azure, parameters: { keyvaultName: shop-kv, objects: "array: ['objectName: db']" } }`,
    given: [
      ['azure_key_vault: { name: DB }', '{ AZURE_KEY_VAULT_SERVER_URL: "https://shop-kv.vault.azure.net/" }'],
    ],
  }
}

test.each([aws, gcp, azure])('a secret of %o that texts name is the one that it lists', async start => {
  const cloud = start()
  const connection = await cloud.connection
  const manifests = [
    ...cloud.external.map(
      ([provider, key], n) => `apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: { name: store-${n}, namespace: shop }
spec: { provider: ${provider} }
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: { name: e-${n}, namespace: shop }
spec: { secretStoreRef: { name: store-${n} }, dataFrom: [{ extract: { key: "${key}" } }] }
`,
    ),
    `apiVersion: secrets-store.csi.x-k8s.io/v1\nkind: SecretProviderClass\nmetadata: { name: m, namespace: shop }\n${cloud.mounted}\n`,
  ]
  const jobs = cloud.given.map(
    ([secret, variables], n) =>
      `job-${n}:\n  script: make\n${variables ? `  variables: ${variables}\n` : ''}  secrets:\n    DB: { ${secret} }\n`,
  )
  const told = [
    ...(await observed(kubernetesReader, 'k8s.yaml', manifests.join('---\n'))),
    ...(await observed(gitlabCiReader, '.gitlab-ci.yml', jobs.join(''))),
  ] as Finding[]
  await expectOne(told, connection, cloud, cloud.external.length + 1 + cloud.given.length)
})

test('a vault that Azure Pipelines name is the one that the tenant lists', async () => {
  const cloud = azure()
  const vault = cloud.id.slice(0, cloud.id.indexOf('/secrets/'))
  const text = `steps:
- task: AzureKeyVault@2
  inputs: { azureSubscription: prod-arm, KeyVaultName: shop-kv }
`
  const told = (await observed(azurePipelinesReader, 'azure-pipelines.yml', text)) as Finding[]
  await expectOne(told, await cloud.connection, { kind: 'key-vault', id: vault }, 1)
})

/** What texts told leads, so many times, to one thing that the cloud lists. */
async function expectOne(
  told: readonly Finding[],
  connection: Connection,
  { kind = 'secret', id }: Pick<Cloud, 'kind' | 'id'>,
  times: number,
): Promise<void> {
  const { db, fold, source } = await openEstate()
  await fold(await source('files'), told)
  const rulesDirectory = await ownDirectory()
  await cp(
    new URL('../../../rules/secrets/aws-access-key.yaml', import.meta.url),
    join(rulesDirectory, 'secrets/aws-access-key.yaml'),
  )
  await observe(db, await source('cloud'), connection, {
    io: realIo(),
    keys: testKeys,
    rulesDirectory,
    workers: 1,
  })
  await connection.close()

  const edges = await db
    .selectFrom('edge')
    .innerJoin('entity', 'entity.id', 'edge.to_id')
    .select(['edge.why', 'edge.to_id', 'entity.native'])
    .where('edge.crossing', 'in', ['synced-from', 'reads-secret'])
    .execute()
  const own = await db
    .selectFrom('entity')
    .select('id')
    .where('kind', '=', kind)
    .where('native', '=', id)
    .executeTakeFirstOrThrow()
  expect(edges).toHaveLength(times)
  for (const edge of edges)
    expect(await db.transaction().execute(tx => rootOf(tx, edge.to_id)), edge.why).toBe(own.id)
}
