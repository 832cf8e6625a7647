import { isFirebreakError } from '../../core/contract/errors.ts'
import type { Account } from './account.ts'

/** The kinds of policies that bear on who may do what. */
const KINDS = ['SERVICE_CONTROL_POLICY', 'RESOURCE_CONTROL_POLICY'] as const

/** By the name of the call. */
export type Answers = Record<string, unknown>

/**
 * What binds the account, as the answers of AWS Organizations, each under what it was asked about: its policies and those of all
 * that is above it, level by level up to the root. For every account, where we are one that may ask so. Only the management
 * account and those to whom it was delegated may ask for policies: what came before a refusal stands in `answers` all the same.
 */
export async function gatherAnswers(account: Account, answers: Answers): Promise<void> {
  const { call, organizations, sdk } = account
  const { Organization } = await call('asking for the organization', () =>
    organizations.send(new sdk.organizations.DescribeOrganizationCommand({})),
  )
  const accounts = await listAccounts(account)
  const own =
    accounts.length > 0 ? accounts : [{ Id: account.instance, Arn: accountArn(account, Organization) }]
  answers['describe-organization'] = { Organization }
  answers['list-accounts'] = { Accounts: own }
  const parents = (answers['list-parents'] = {} as Record<string, unknown>)
  const attached = (answers['list-policies-for-target'] = {} as Record<string, unknown>)
  const described = (answers['describe-policy'] = {} as Record<string, unknown>)
  for (const { Id } of own)
    for (let target = Id; target !== undefined && !(target in attached); ) {
      const level = target
      attached[level] = { Policies: await policiesOf(account, level, described) }
      // The root has nothing above it.
      if (level.startsWith('r-')) break
      const { Parents } = await call('asking what the account is under', () =>
        organizations.send(new sdk.organizations.ListParentsCommand({ ChildId: level })),
      )
      parents[level] = { Parents: Parents ?? [] }
      target = Parents?.[0]?.Id
    }
}

/** None where we may not ask. */
async function listAccounts({ call, organizations, sdk }: Account) {
  const accounts: { Id?: string; Arn?: string; Name?: string; Status?: string }[] = []
  let NextToken: string | undefined
  try {
    do {
      const page = await call('listing accounts', () =>
        organizations.send(new sdk.organizations.ListAccountsCommand({ NextToken })),
      )
      for (const { Id, Arn, Name, Status } of page.Accounts ?? [])
        accounts.push({ Id: Id!, Arn: Arn!, ...(Name !== undefined && { Name }), ...(Status && { Status }) })
      NextToken = page.NextToken
    } while (NextToken)
  } catch (error) {
    if (!isFirebreakError(error, 'DENIED', 'UNSUPPORTED')) throw error
    return []
  }
  return accounts
}

async function policiesOf(
  { call, organizations, sdk }: Account,
  TargetId: string,
  described: Record<string, unknown>,
): Promise<unknown[]> {
  const all: unknown[] = []
  for (const Filter of KINDS) {
    let NextToken: string | undefined
    do {
      const page = await call('listing the policies of an organization', () =>
        organizations.send(
          new sdk.organizations.ListPoliciesForTargetCommand({ TargetId, Filter, NextToken }),
        ),
      ).catch(notEnabled)
      for (const summary of page?.Policies ?? []) {
        all.push({ ...summary, Type: Filter })
        const PolicyId = summary.Id!
        if (PolicyId in described) continue
        const { Policy } = await call('reading a policy of an organization', () =>
          organizations.send(new sdk.organizations.DescribePolicyCommand({ PolicyId })),
        )
        described[PolicyId] = {
          Policy: { PolicySummary: { ...summary, Type: Filter }, Content: Policy?.Content },
        }
      }
      NextToken = page?.NextToken
    } while (NextToken)
  }
  return all
}

/** Of a kind that the organization has not switched on there are none. */
function notEnabled(error: unknown): undefined {
  if (!isFirebreakError(error, 'UNSUPPORTED')) throw error
}

/** By it, an export tells which organization it is, and whose. */
function accountArn(
  { instance }: Account,
  organization: { Id?: string; MasterAccountId?: string } | undefined,
): string {
  return `arn:aws:organizations::${organization?.MasterAccountId}:account/${organization?.Id}/${instance}`
}
