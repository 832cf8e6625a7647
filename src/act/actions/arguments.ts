import type { CredentialRef, Json, PlaceRef, Ref } from '../../core/contract/ref.ts'
import type { StepContext } from './step.ts'

/** A contract's noun as the JSON that a step's arguments hold. They are plain data, so that this is their copy. */
export function toJson(value: Ref | CredentialRef | PlaceRef): Json {
  return JSON.parse(JSON.stringify(value)) as Json
}

export function credentialArgument(step: StepContext): CredentialRef {
  return argument(step, 'credential') as unknown as CredentialRef
}

export function identityArgument(step: StepContext): Ref {
  return argument(step, 'identity') as unknown as Ref
}

export function placeArgument(step: StepContext): PlaceRef {
  return argument(step, 'place') as unknown as PlaceRef
}

/** Where its credential was accepted when the run was planned, if that was told. */
export function acceptedAtArgument(step: StepContext): string | undefined {
  const value = step.args['acceptedAt']
  return typeof value === 'string' ? value : undefined
}

export function textArgument(step: StepContext, name: string): string {
  return String(argument(step, name))
}

function argument(step: StepContext, name: string): Json {
  const value = step.args[name]
  if (value === undefined) throw new TypeError(`step ${step.key} lacks its argument ${name}`)
  return value
}

/** What the step that `from` names issued. */
export async function issuedCredential(step: StepContext): Promise<CredentialRef> {
  const { credential } = (await step.resultOf(textArgument(step, 'from'))) as { credential: Json }
  return credential as unknown as CredentialRef
}
