import { z } from 'zod'
import type { Observation } from '../../../core/contract/observation.ts'
import type { CredentialRef, Json, Ref } from '../../../core/contract/ref.ts'
import { Secret } from '../../../core/contract/secret.ts'
import { awsRole, entraPrincipal, serviceAccount } from '../cloud-role.ts'
import { unread } from '../read-text.ts'
import { wholeText } from '../whole-text.ts'

const MOST_BYTES = 16 * 2 ** 20
const MOST_PLACES = 20

const attributes = z.record(z.string(), z.unknown())
const schema = z.looseObject({
  version: z.number(),
  terraform_version: z.string().optional(),
  serial: z.number().optional(),
  outputs: z
    .record(z.string(), z.looseObject({ value: z.unknown(), sensitive: z.boolean().optional() }))
    .default({}),
  resources: z
    .array(
      z.looseObject({
        mode: z.string(),
        type: z.string(),
        name: z.string(),
        module: z.string().optional(),
        instances: z
          .array(
            z.looseObject({
              index_key: z.union([z.string(), z.number()]).optional(),
              attributes: attributes.optional(),
              sensitive_attributes: z
                .array(z.array(z.looseObject({ type: z.string(), value: z.unknown() })))
                .catch([])
                .default([]),
            }),
          )
          .default([]),
      }),
    )
    .default([]),
})
type State = z.infer<typeof schema>
type Instance = State['resources'][number]['instances'][number]

/**
 * What a state of Terraform holds: the principals by the names that their clouds have for them, their keys, and every value that
 * it marks as sensitive, which stands in it in clear. Only version 4 says so much.
 * https://developer.hashicorp.com/terraform/internals/json-format
 */
export async function* readState(
  document: { readonly id: string; readonly in: Ref; readonly path: string },
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<Observation> {
  const { path } = document
  const text = await wholeText(bytes, MOST_BYTES)
  if (text === undefined)
    return yield unread('terraform-state', path, 1, `it has more than ${MOST_BYTES / 2 ** 20} MiB`)
  const state = stateOf(text)
  if (typeof state === 'string') return yield unread('terraform-state', path, 1, state)
  const account = accountOf(state)
  for (const resource of state.resources)
    for (const instance of resource.instances) {
      const index = instance.index_key === undefined ? '' : `[${JSON.stringify(instance.index_key)}]`
      const data = resource.mode === 'data' ? 'data.' : ''
      const address = `${resource.module === undefined ? '' : `${resource.module}.`}${data}${resource.type}.${resource.name}${index}`
      if (resource.mode === 'managed') yield* told(resource.type, instance, address, account)
      yield* copies(document, text, address, sensitiveIn(instance))
    }
  for (const [name, { value, sensitive }] of Object.entries(state.outputs))
    if (sensitive) yield* copies(document, text, `output.${name}`, stringsIn(value))
}

function stateOf(text: string): State | string {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return 'it is no JSON, or is encrypted'
  }
  const state = schema.safeParse(parsed)
  if (!state.success) return 'it is no state that this version knows'
  return state.data.version === 4 ? state.data : `it is a state of version ${state.data.version}; 4 is read`
}

/** The account that the state itself speaks of: of what it looked up, else of any ARN in it. */
function accountOf({ resources }: State): string | undefined {
  const texts = resources.flatMap(({ type, instances }) =>
    instances.map(({ attributes }) => ({
      type,
      account: string(attributes?.['account_id']),
      arn: string(attributes?.['arn']),
    })),
  )
  const asked = texts.find(
    ({ type, account }) => type === 'aws_caller_identity' && account !== undefined,
  )?.account
  if (asked !== undefined) return asked
  const named = new Set(
    texts.flatMap(({ arn }) => /^arn:aws[\w-]*:[\w-]*:[\w-]*:(\d{12}):/.exec(arn ?? '')?.[1] ?? []),
  )
  return named.size === 1 ? [...named][0] : undefined
}

function* told(
  type: string,
  { attributes = {} }: Instance,
  address: string,
  account: string | undefined,
): Generator<Observation> {
  const of = (name: string) => string(attributes[name])
  const facts = { terraform: { value: address as Json } }
  const arn = of('arn')
  if (arn !== undefined && /^aws_iam_(?:user|role)$/.test(type)) {
    const ref = type === 'aws_iam_role' ? awsRole(arn) : awsUser(arn)
    if (ref) yield { see: 'identity', ref, names: [arn], facts }
  }
  if (type === 'aws_iam_access_key' && account !== undefined && of('id') !== undefined) {
    const identity = awsUser(`arn:aws:iam::${account}:user/${of('user') ?? ''}`)
    const ref: CredentialRef = {
      system: 'aws',
      instance: account,
      kind: 'access-key',
      id: of('id')!,
      ...(identity && { identity }),
    }
    yield { see: 'credential', ref, facts }
  }
  const email = of('email')
  if (type === 'google_service_account' && email !== undefined) {
    const ref = serviceAccount(email)
    if (ref)
      yield {
        see: 'identity',
        ref,
        names: [email, ...(of('name') === undefined ? [] : [of('name')!])],
        facts,
      }
  }
  if (/^azuread_(?:service_principal|application)$/.test(type)) {
    const ref = entraPrincipal(
      of('client_id') ?? of('application_id'),
      of('application_tenant_id') ?? of('tenant_id'),
    )
    if (ref) yield { see: 'identity', ref, names: [ref.id.slice(1)], facts }
  }
  if (type === 'azurerm_user_assigned_identity') {
    const ref = entraPrincipal(of('client_id'), of('tenant_id'))
    if (ref) yield { see: 'identity', ref, names: [ref.id.slice(1)], facts }
  }
}

function awsUser(arn: string): Ref | undefined {
  const account = /^arn:aws[\w-]*:iam::(\d{12}):user\/[\w+=,.@/-]+$/.exec(arn)?.[1]
  return account === undefined ? undefined : { system: 'aws', instance: account, kind: 'user', id: `?${arn}` }
}

/** The values at the paths that the provider’s schema marks. */
function sensitiveIn({ attributes, sensitive_attributes: paths }: Instance): string[] {
  return paths.flatMap(path => {
    let value: unknown = attributes
    for (const { type, value: step } of path) {
      if (type === 'get_attr' && isRecord(value)) value = value[String(step)]
      else if (type === 'index' && isRecord(step)) {
        const key = step['value']
        value = Array.isArray(value) ? value[Number(key)] : isRecord(value) ? value[String(key)] : undefined
      } else return []
    }
    return stringsIn(value)
  })
}

function stringsIn(value: unknown, depth = 0): string[] {
  if (typeof value === 'string') return [value]
  if (depth > 10) return []
  if (Array.isArray(value)) return value.flatMap(one => stringsIn(one, depth + 1))
  return isRecord(value) ? Object.values(value).flatMap(one => stringsIn(one, depth + 1)) : []
}

function* copies(
  document: { readonly id: string; readonly in: Ref; readonly path: string },
  text: string,
  address: string,
  values: readonly string[],
): Generator<Observation> {
  for (const value of new Set(values)) {
    if (value.length < 4 || /^(?:true|false|null)$/.test(value)) continue
    for (const { start, end, line } of placesOf(text, value))
      yield {
        see: 'copy',
        place: {
          in: document.in,
          path: document.path,
          version: document.id,
          slots: [{ part: 'value', at: `${start}-${end}`, encodings: ['json'], line }],
        },
        kind: 'terraform-state',
        secret: new Secret(value),
        facts: { terraform: { value: address } },
        confidence: 0.9,
        reasons: ['marked as sensitive in the state'],
      }
  }
}

/** Where the value stands as a string of the text, in bytes. Go escapes three signs more than others do. */
function* placesOf(text: string, value: string): Generator<{ start: number; end: number; line: number }> {
  const written = JSON.stringify(value)
  const forms = new Set([
    written,
    written.replace(/[<>&]/g, sign => `\\u00${sign.charCodeAt(0).toString(16)}`),
  ])
  let left = MOST_PLACES
  for (const form of forms)
    for (let at = text.indexOf(form); at >= 0 && left-- > 0; at = text.indexOf(form, at + 1)) {
      // A key is no place.
      if (/^\s*:/.test(text.slice(at + form.length, at + form.length + 20))) continue
      const start = Buffer.byteLength(text.slice(0, at + 1))
      yield {
        start,
        end: start + Buffer.byteLength(form.slice(1, -1)),
        line: text.slice(0, at).split('\n').length,
      }
    }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

function string(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
