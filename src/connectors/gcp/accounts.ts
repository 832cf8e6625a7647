import { z } from 'zod'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { CredentialRef, Ref, State } from '../../core/contract/ref.ts'
import { unlessAbsent } from '../../core/contract/refused.ts'
import { mustBeHere, type Project } from './project.ts'
import { publicHalf } from './token.ts'

export const accountSchema = z.looseObject({
  name: z.string(),
  email: z.string(),
  uniqueId: z.string(),
  displayName: z.string().optional(),
  disabled: z.boolean().default(false),
})
export type Account = z.infer<typeof accountSchema>

export const keySchema = z.looseObject({
  name: z.string(),
  keyType: z.string().optional(),
  validAfterTime: z.string().optional(),
  validBeforeTime: z.string().optional(),
  disabled: z.boolean().default(false),
})
export type Key = z.infer<typeof keySchema>

export function idOf({ name }: Pick<Key, 'name'>): string {
  return name.slice(name.lastIndexOf('/') + 1)
}

/** By its unique id, or by its address where only that is known; undefined where there is none any more. */
export async function findAccount(project: Project, id: string): Promise<Account | undefined> {
  const named = encodeURIComponent(id.replace(/^\?/, ''))
  const path = `v1/projects/${project.instance}/serviceAccounts/${named}`
  return await unlessAbsent(async () =>
    accountSchema.parse(await project.get('looking for the service account', 'iam', path)),
  )
}

/** Those that were made for it; Google's own never leave it. */
export async function keysOf(project: Project, account: Account): Promise<Key[]> {
  const answer = await unlessAbsent(() =>
    project.get('listing keys', 'iam', `v1/${account.name}/keys?keyTypes=USER_MANAGED`),
  )
  const { keys } = z.looseObject({ keys: z.array(keySchema).default([]) }).parse(answer ?? {})
  return keys.filter(({ keyType }) => keyType !== 'SYSTEM_MANAGED').sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Whose a reference is: the account itself, or that of a key. */
export async function accountOf(project: Project, ref: CredentialRef): Promise<Account | undefined> {
  mustBeHere(project, ref, 'service-account', 'service-account-key')
  if (ref.kind === 'service-account') return await findAccount(project, ref.id)
  if (!ref.identity)
    throw new FirebreakError('UNSUPPORTED', 'it is not known which service account the key is of')
  return await findAccount(project, ref.identity.id)
}

const publicKey = z.looseObject({ publicKeyData: z.string() })

/** The key whose public half this is. */
export async function keyWith(
  project: Project,
  keys: readonly Key[],
  half: string,
): Promise<Key | undefined> {
  for (const key of keys) {
    const answer = await unlessAbsent(() =>
      project.get('reading a public key', 'iam', `v1/${key.name}?publicKeyType=TYPE_RAW_PUBLIC_KEY`),
    )
    const read = publicKey.safeParse(answer)
    if (read.success && publicHalf(Buffer.from(read.data.publicKeyData, 'base64').toString('utf8')) === half)
      return key
  }
  return undefined
}

export const accountState = z.object({
  present: z.literal(true),
  email: z.string(),
  disabled: z.boolean(),
  keys: z.array(z.object({ id: z.string(), disabled: z.boolean() })),
})

/** What stands for a service account or a key now. Null for what is not there. */
export async function inspect(project: Project, ref: Ref): Promise<State> {
  if (!['service-account', 'service-account-key'].includes(ref.kind)) return { project: project.instance }
  const account = await accountOf(project, ref)
  if (!account) return null
  const keys = (await keysOf(project, account)).map(key => ({ id: idOf(key), disabled: key.disabled }))
  if (ref.kind === 'service-account-key' && !keys.some(({ id }) => id === ref.id)) return null
  return { present: true, email: account.email, disabled: account.disabled, keys }
}
