import type { MemoryKey } from './memory-account.ts'

interface Statement {
  readonly Effect: 'Allow' | 'Deny'
  readonly Action?: string | string[]
  readonly NotAction?: string | string[]
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string>>>>
}

/**
 * Why a session may not do this, in AWS's words, as far as its role's inline denials and the policy that it was begun with tell;
 * resources are left out.
 */
export function whyDenied(key: MemoryKey, action: string): string | undefined {
  if (!key.role) return undefined
  const denied = (by: string) => `User is not authorized to perform: ${action} ${by}`
  const own = [...key.role.policies.values()].flatMap(statementsOf)
  if (own.some(statement => statement.Effect === 'Deny' && fits(statement, action, key)))
    return denied('with an explicit deny in an identity-based policy')
  if (key.policy === undefined) return undefined
  const given = statementsOf(key.policy)
  if (given.some(statement => statement.Effect === 'Deny' && fits(statement, action, key)))
    return denied('with an explicit deny in a session policy')
  if (given.some(statement => statement.Effect === 'Allow' && fits(statement, action, key))) return undefined
  return denied(`because no session policy allows the ${action} action`)
}

function statementsOf(document: string): Statement[] {
  try {
    return [(JSON.parse(document) as { Statement: Statement | Statement[] }).Statement].flat()
  } catch {
    return []
  }
}

function fits({ Action, NotAction, Condition = {} }: Statement, action: string, key: MemoryKey): boolean {
  const listed = (actions: string | string[]) => [actions].flat().some(pattern => like(action, pattern))
  const meant = Action === undefined ? !listed(NotAction ?? []) : listed(Action)
  return meant && Object.entries(Condition).every(([operator, about]) => holds(operator, about, key))
}

function holds(operator: string, about: Readonly<Record<string, string>>, key: MemoryKey): boolean {
  return Object.entries(about).every(([name, value]) => {
    if (operator === 'StringLike' && name === 'aws:userid') return like(`${key.role?.id}:${key.name}`, value)
    if (operator === 'DateLessThan' && name === 'aws:TokenIssueTime')
      return key.created.getTime() < Date.parse(value)
    throw new TypeError(`the twin knows no condition ${operator} ${name}`)
  })
}

/** As IAM takes a pattern. */
export function like(text: string, pattern: string): boolean {
  const source = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${source}$`).test(text)
}
