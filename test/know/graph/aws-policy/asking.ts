import { Context } from '../../../../src/know/graph/aws-policy/context.ts'
import { evaluate, type Question } from '../../../../src/know/graph/aws-policy/evaluate.ts'
import { readPolicy } from '../../../../src/know/graph/aws-policy/policy.ts'

export const ALICE = 'arn:aws:iam::111122223333:user/Alice'
export const ROLE = 'arn:aws:iam::111122223333:role/team/Builder'
export const SESSION = 'arn:aws:sts::111122223333:assumed-role/Builder/one'
const OBJECT = 'arn:aws:s3:::reports/2026/may.csv'
export const KEY = 'arn:aws:kms:eu-west-1:111122223333:key/0b6f0c2e'

export type Part = Record<string, unknown>
export const policy = (...statements: Part[]) => ({ Version: '2012-10-17', Statement: statements })
export const allow = (part: Part = {}) => ({ Effect: 'Allow', Action: 's3:*', Resource: '*', ...part })
export const deny = (part: Part = {}) => ({ ...allow(part), Effect: 'Deny' })
export const named = (principal: unknown, part: Part = {}) => allow({ Principal: principal, ...part })

export interface Ask {
  principal?: string
  action?: string
  resource?: string
  account?: string
  context?: Record<string, string | string[]>
  incomplete?: boolean
  identity?: unknown[]
  onResource?: unknown
  boundary?: unknown[]
  scp?: unknown[][]
  rcp?: unknown[][]
  endpoint?: unknown[]
  session?: unknown
}

export function ask(given: Ask) {
  const read = (documents: unknown[] | undefined) =>
    documents?.map((document, index) => readPolicy(document, `policy ${index + 1}`))
  const levels = (all: unknown[][] | undefined) =>
    all?.map((policies, index) => ({ orgIdentifier: `ou-${index + 1}`, policies: read(policies)! }))
  const question: Question = {
    principal: given.principal ?? ALICE,
    action: given.action ?? 's3:GetObject',
    resource: { arn: given.resource ?? OBJECT, account: given.account ?? '111122223333' },
    context: new Context(given.context ?? {}, { complete: !given.incomplete }),
    identityPolicies: read(given.identity ?? [])!,
    resourcePolicy: given.onResource === undefined ? undefined : readPolicy(given.onResource, 'bucket'),
    permissionBoundaries: read(given.boundary),
    serviceControlPolicies: levels(given.scp),
    resourceControlPolicies: levels(given.rcp),
    endpointPolicies: read(given.endpoint),
    sessionPolicy: given.session === undefined ? undefined : readPolicy(given.session, 'session'),
  }
  return evaluate(question)
}

export const [YES, NO, DENIED] = ['Allowed', 'ImplicitlyDenied', 'ExplicitlyDenied'] as const
