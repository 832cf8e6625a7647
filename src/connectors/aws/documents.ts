import type { GetAccountAuthorizationDetailsCommandOutput, UserDetail } from '@aws-sdk/client-iam'
import { type Document, documentOf } from '../../core/contract/document.ts'
import { isFirebreakError } from '../../core/contract/errors.ts'
import type { PlaceRef, Ref } from '../../core/contract/ref.ts'
import { type Account, refIn } from './account.ts'
import { credentialReport } from './credential-report.ts'
import { listFunctions, listParameters, listSecrets } from './listings.ts'
import { type Answers, gatherAnswers } from './organization.ts'
import { bytesOf, environmentText, environmentVersion, readStored, storeRef } from './stored-values.ts'

/** What could not be read, for discover to say. */
export type Gaps = Map<string, { why: string; failed: boolean; hides: readonly string[] }>

/**
 * The account's own authorization details and credential report, as IAM prints them, and what it keeps: secrets,
 * parameters, and the environment of functions. What is denied or breaks off is a gap, and the rest is read.
 */
export async function* documents(account: Account, gaps: Gaps): AsyncGenerator<Document> {
  gaps.clear()
  const principals = ['user', 'group', 'role', 'policy']
  const users: UserDetail[] = []
  yield* part('iam', principals, gaps, () => authorizationDetails(account, users))
  const listed = gaps.has('iam') ? undefined : users
  yield* part('credential-report', ['root'], gaps, async function* () {
    const content = Buffer.from(JSON.stringify(await credentialReport(account, listed)))
    const container = refIn(account, 'account', account.instance)
    const document = documentOf(container, 'credential-report.json', content, {
      format: 'aws-credential-report',
    })
    yield { ...document, id: `${document.id}@${account.io.now().toISOString()}` }
  })
  const organizational = ['organization-root', 'organizational-unit', 'organization-policy']
  yield* part('organization', organizational, gaps, () => organization(account))
  yield* part('secretsmanager', ['secret'], gaps, () => secretValues(account, gaps))
  yield* part('ssm', ['parameter'], gaps, () => parameterValues(account, gaps))
  yield* part('lambda', ['function'], gaps, () => functionEnvironments(account))
}

async function* part(
  scope: string,
  hides: readonly string[],
  gaps: Gaps,
  read: () => AsyncIterable<Document>,
): AsyncGenerator<Document> {
  try {
    yield* read()
  } catch (error) {
    if (!isFirebreakError(error)) throw error
    gaps.set(scope, { why: error.message, failed: !['DENIED', 'UNSUPPORTED'].includes(error.code), hides })
  }
}

/** All pages as one: a user's groups may stand on another page. */
async function* authorizationDetails(account: Account, users: UserDetail[]): AsyncGenerator<Document> {
  const { call, iam, sdk, config } = account
  const groups: unknown[] = []
  const roles: unknown[] = []
  const policies: unknown[] = []
  const whole = () => {
    const details = {
      UserDetailList: users,
      GroupDetailList: groups,
      RoleDetailList: roles,
      Policies: policies,
    }
    const content = Buffer.from(JSON.stringify(details))
    const document = documentOf(
      refIn(account, 'account', account.instance),
      'authorization-details.json',
      content,
      { format: 'aws-iam' },
    )
    // It is read each time, also where it says the same: what it tells of is there as of now.
    return { ...document, id: `${document.id}@${account.io.now().toISOString()}` }
  }
  let Marker: string | undefined
  let pages = 0
  do {
    let page: GetAccountAuthorizationDetailsCommandOutput
    try {
      page = await call('reading authorization details', () =>
        iam.send(new sdk.iam.GetAccountAuthorizationDetailsCommand({ Marker, MaxItems: config.pageSize })),
      )
    } catch (error) {
      // What came before it broke off is still worth knowing.
      if (pages > 0) yield whole()
      throw error
    }
    pages++
    users.push(...(page.UserDetailList ?? []))
    groups.push(...(page.GroupDetailList ?? []))
    roles.push(...(page.RoleDetailList ?? []))
    policies.push(...(page.Policies ?? []))
    Marker = page.IsTruncated ? page.Marker : undefined
  } while (Marker)
  yield whole()
}

/** Which organization it is in is worth knowing, also where its policies are kept from us. */
async function* organization(account: Account): AsyncGenerator<Document> {
  const answers: Answers = {}
  const whole = () => {
    const content = Buffer.from(JSON.stringify(answers))
    const container = refIn(account, 'account', account.instance)
    const document = documentOf(container, 'organization.json', content, { format: 'aws-organizations' })
    return { ...document, id: `${document.id}@${account.io.now().toISOString()}` }
  }
  try {
    await gatherAnswers(account, answers)
  } catch (error) {
    if ('describe-organization' in answers) yield whole()
    throw error
  }
  yield whole()
}

async function* secretValues(account: Account, gaps: Gaps): AsyncGenerator<Document> {
  for await (const { ARN, Name } of listSecrets(account))
    yield* stored(account, storeRef(account, 'secret', ARN!), Name!, gaps)
}

async function* parameterValues(account: Account, gaps: Gaps): AsyncGenerator<Document> {
  for await (const { Name } of listParameters(account))
    yield* stored(account, storeRef(account, 'parameter', Name!), Name!, gaps)
}

async function* stored(account: Account, container: Ref, path: string, gaps: Gaps): AsyncGenerator<Document> {
  const place: PlaceRef = { in: container, path, slots: [] }
  try {
    const value = await readStored(account, place)
    // Its version is what a write is made on, so that it stands for the content.
    yield { ...documentOf(container, path, bytesOf(value)), id: value.version }
  } catch (error) {
    if (!isFirebreakError(error)) throw error
    gaps.set(`${container.kind}/${path}`, { why: error.message, failed: error.code !== 'DENIED', hides: [] })
  }
}

async function* functionEnvironments(account: Account): AsyncGenerator<Document> {
  for await (const { FunctionArn, FunctionName, Environment } of listFunctions(account)) {
    const text = environmentText(Environment?.Variables)
    const container = storeRef(account, 'function', FunctionArn!)
    if (text !== '')
      yield {
        ...documentOf(container, `${FunctionName}.env`, Buffer.from(text)),
        id: environmentVersion(FunctionArn!, text),
      }
  }
}
