import { items, type Located, member, members, scalar } from '../located.ts'
import { resourceOf, type TerraformFile, textOf } from './module.ts'
import { referencesIn } from './reference.ts'

/** A statement of a policy of AWS, from `jsonencode`, from JSON in a text, or from a policy document’s data. */
export interface Statement {
  readonly line: number
  readonly allows: boolean
  readonly actions: readonly string[]
  /** Those that it speaks of are all but these. */
  readonly notActions: readonly string[]
  readonly resources: readonly string[]
  /** What of the file its resources name. */
  readonly targets: readonly string[]
  /** `AWS`, `Federated`, `Service` or `*`, with what is named. */
  readonly principals: readonly {
    readonly type: string
    readonly id: string
    readonly line: number
    readonly addresses: readonly string[]
  }[]
  /** Keys in lower case, with the operator and the values. */
  readonly conditions: ReadonlyMap<string, { readonly operator: string; readonly values: readonly string[] }>
}

/** The statements of what an attribute holds, or refers to. */
export function statementsOf(file: TerraformFile, policy: Located | undefined, depth = 0): Statement[] {
  if (!policy || depth > 3) return []
  if (policy.value instanceof Map) return items(member(policy, 'Statement')).map(one => fromJson(file, one))
  const text = scalar(policy)
  if (text === undefined) return []
  if (policy.tag === '!expression') {
    const document = resourceOf(file, policy)
    if (document?.type === 'aws_iam_policy_document')
      return items(member(document.body, 'statement')).map(one => fromBlock(file, one))
    return statementsOf(file, file.given.get(text), depth + 1)
  }
  return items(member(fromText(text, policy.textLine), 'Statement')).map(one => fromJson(file, one))
}

/** JSON in a heredoc: its expressions are texts, and its lines are not told one by one. */
function fromText(text: string, line: number): Located | undefined {
  if (text.length > 200_000) return undefined
  try {
    return locatedJson(JSON.parse(text.replace(/\$\{[^}"]*\}/g, '$')), line)
  } catch {
    return undefined
  }
}

function locatedJson(value: unknown, line: number): Located {
  const place = { line, textLine: line }
  if (Array.isArray(value)) return { ...place, value: value.map(one => locatedJson(one, line)) }
  if (value !== null && typeof value === 'object')
    return {
      ...place,
      value: new Map(Object.entries(value).map(([name, one]) => [name, locatedJson(one, line)])),
    }
  return { ...place, value: value as string | number | boolean | null }
}

function texts(file: TerraformFile, located: Located | undefined): string[] {
  return items(located).map(one => textOf(file, one) ?? scalar(one) ?? '')
}

function fromJson(file: TerraformFile, statement: Located): Statement {
  const principal = member(statement, 'Principal')
  const principals =
    scalar(principal) === '*'
      ? [{ type: '*', id: '*', line: principal!.line, addresses: [] }]
      : [...members(principal)].flatMap(([type, ids]) => principalsOf(file, type, ids))
  const conditions = new Map(
    [...members(member(statement, 'Condition'))].flatMap(([operator, keys]) =>
      [...members(keys)].map(
        ([key, values]) => [key.toLowerCase(), { operator, values: texts(file, values) }] as const,
      ),
    ),
  )
  return {
    line: statement.line,
    allows: (scalar(member(statement, 'Effect')) ?? 'Allow') === 'Allow',
    actions: texts(file, member(statement, 'Action')),
    notActions: texts(file, member(statement, 'NotAction')),
    resources: texts(file, member(statement, 'Resource')),
    targets: referencesIn(member(statement, 'Resource')),
    principals,
    conditions,
  }
}

function fromBlock(file: TerraformFile, statement: Located): Statement {
  return {
    line: statement.keyLine ?? statement.line,
    allows: (scalar(member(statement, 'effect')) ?? 'Allow') === 'Allow',
    actions: texts(file, member(statement, 'actions')),
    notActions: texts(file, member(statement, 'not_actions')),
    resources: texts(file, member(statement, 'resources')),
    targets: referencesIn(member(statement, 'resources')),
    principals: items(member(statement, 'principals')).flatMap(one =>
      principalsOf(file, scalar(member(one, 'type')) ?? '', member(one, 'identifiers')),
    ),
    conditions: new Map(
      items(member(statement, 'condition')).map(one => [
        (scalar(member(one, 'variable')) ?? '').toLowerCase(),
        { operator: scalar(member(one, 'test')) ?? '', values: texts(file, member(one, 'values')) },
      ]),
    ),
  }
}

function principalsOf(file: TerraformFile, type: string, ids: Located | undefined): Statement['principals'] {
  return items(ids).map(id => ({
    type,
    id: textOf(file, id) ?? scalar(id) ?? '',
    line: id.line,
    addresses: referencesIn(id),
  }))
}
