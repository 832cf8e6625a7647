import { createHash } from 'node:crypto'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { PlaceRef, Ref } from '../../core/contract/ref.ts'
import { overtaken } from '../../core/contract/slot-writing.ts'
import { type Account, mustBeHere, refIn } from './account.ts'
import { awsCode } from './failure.ts'

/** A value that the account keeps: what it says, and the version that a write has to be made on, `NAME@VERSION`. */
export interface StoredValue {
  readonly text: string
  readonly version: string
  /** It is bytes: they were given in base64, and are to be put back so. */
  readonly binary?: boolean
  /** Of a function: its service's own word for how it stands. */
  readonly revision?: string
}

/** A place that holds values by name. */
interface Store {
  read(account: Account, name: string): Promise<StoredValue>
  /** CONFLICT where the version is no longer the newest. */
  write(account: Account, name: string, value: Uint8Array, before: StoredValue): Promise<string>
  /** All of it; undefined where there is always more than a value. */
  delete?(account: Account, name: string): Promise<void>
  /** What it held in a version that was overtaken, where the store lets one be given up alone. */
  forget?(account: Account, name: string, version: string): Promise<void>
}

/** So long AWS keeps what is deleted, and brings it back when it is asked. */
const RECOVERY_DAYS = 30

const stores: Readonly<Record<string, Store>> = {
  secret: {
    async read({ call, secrets, sdk }, SecretId) {
      return await call('reading a secret', async () => {
        const { SecretString, SecretBinary, VersionId } = await secrets.send(
          new sdk.secrets.GetSecretValueCommand({ SecretId }),
        )
        const version = `${SecretId}@${VersionId}`
        if (SecretString !== undefined) return { text: SecretString, version }
        return { text: Buffer.from(SecretBinary!).toString('latin1'), version, binary: true }
      })
    },
    async write(account, SecretId, value, before) {
      const { change, secrets, sdk } = account
      const current = before.version.slice(SecretId.length + 1)
      // The token makes a second attempt the same version.
      // https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html
      const ClientRequestToken = tokenOf(SecretId, before.version, value)
      await mustNotRotate(account, SecretId, current, ClientRequestToken)
      return await change('writing a secret', async () => {
        const content = before.binary
          ? { SecretBinary: value }
          : { SecretString: Buffer.from(value).toString('utf8') }
        await secrets.send(
          new sdk.secrets.PutSecretValueCommand({
            SecretId,
            ClientRequestToken,
            VersionStages: ['AWSPENDING'],
            ...content,
          }),
        )
        // Refused where another version is current by now: so that nobody's write is lost. The one before becomes AWSPREVIOUS.
        // https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
        await secrets
          .send(
            new sdk.secrets.UpdateSecretVersionStageCommand({
              SecretId,
              VersionStage: 'AWSCURRENT',
              MoveToVersionId: ClientRequestToken,
              RemoveFromVersionId: current,
            }),
          )
          .catch(error => {
            if (awsCode(error) === 'InvalidParameterException') throw overtaken()
            throw error
          })
        return `${SecretId}@${ClientRequestToken}`
      })
    },
    async delete({ change, secrets, sdk }, SecretId) {
      await change('deleting a secret', () =>
        secrets.send(new sdk.secrets.DeleteSecretCommand({ SecretId, RecoveryWindowInDays: RECOVERY_DAYS })),
      )
    },
    // A version without a stage is deprecated: AWS deletes it.
    // https://docs.aws.amazon.com/secretsmanager/latest/userguide/getting-started.html#term_version
    async forget({ change, secrets, sdk }, SecretId, version) {
      const input = { SecretId, VersionStage: 'AWSPREVIOUS', RemoveFromVersionId: version }
      await change('giving up a version of a secret', () =>
        secrets.send(new sdk.secrets.UpdateSecretVersionStageCommand(input)).catch(error => {
          // It has that stage no more: another has taken it since, or an earlier attempt took it away.
          if (awsCode(error) !== 'InvalidParameterException') throw error
        }),
      )
    },
  },
  parameter: {
    // Its history goes with it.
    async delete({ change, ssm, sdk }, Name) {
      await change('deleting a parameter', () => ssm.send(new sdk.ssm.DeleteParameterCommand({ Name })))
    },
    async read({ call, ssm, sdk }, Name) {
      return await call('reading a parameter', async () => {
        const { Parameter } = await ssm.send(new sdk.ssm.GetParameterCommand({ Name, WithDecryption: true }))
        return { text: Parameter!.Value!, version: `${Name}@${Parameter!.Version}` }
      })
    },
    async write({ change, ssm, sdk }, Name, value, before) {
      return await change('writing a parameter', async () => {
        const { Version } = await ssm.send(
          new sdk.ssm.PutParameterCommand({
            Name,
            Value: Buffer.from(value).toString('utf8'),
            Overwrite: true,
          }),
        )
        // There is no compare-and-swap: what was overwritten is at least not passed over.
        if (`${Name}@${(Version ?? 0) - 1}` !== before.version) throw overtaken()
        return `${Name}@${Version}`
      })
    },
  },
  function: {
    async read({ call, lambda, sdk }, FunctionName) {
      const { Environment, RevisionId } = await call('reading a function’s environment', () =>
        lambda.send(new sdk.lambda.GetFunctionConfigurationCommand({ FunctionName })),
      )
      const text = environmentText(Environment?.Variables)
      return {
        text,
        version: environmentVersion(FunctionName, text),
        ...(RevisionId && { revision: RevisionId }),
      }
    },
    async write({ change, lambda, sdk }, FunctionName, value, before) {
      const text = Buffer.from(value).toString('utf8')
      await change('writing a function’s environment', () =>
        lambda
          .send(
            new sdk.lambda.UpdateFunctionConfigurationCommand({
              FunctionName,
              Environment: { Variables: variablesIn(text) },
              // Refused where it was changed since: https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionConfiguration.html
              RevisionId: before.revision,
            }),
          )
          .catch(error => {
            if (awsCode(error) === 'PreconditionFailedException') throw overtaken()
            throw error
          }),
      )
      return environmentVersion(FunctionName, text)
    },
  },
}

/** A function's environment as a file of assignments. */
export function environmentText(variables: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(variables ?? {})
    .map(([name, value]) => `${name}=${JSON.stringify(value)}\n`)
    .join('')
}

function variablesIn(text: string): Record<string, string> {
  return Object.fromEntries(
    text
      .split('\n')
      .filter(line => line !== '')
      .map(line => {
        const at = line.indexOf('=')
        return [line.slice(0, at), String(JSON.parse(line.slice(at + 1)))]
      }),
  )
}

/** Its content stands for it: a revision tells of every other change too. */
export function environmentVersion(functionArn: string, text: string): string {
  return `${functionArn}@${createHash('sha256').update(text).digest('hex')}`
}

/** A version that waits to become current is another's, who is about to replace it too. */
async function mustNotRotate(
  { call, secrets, sdk }: Account,
  SecretId: string,
  current: string,
  ours: string,
): Promise<void> {
  const { VersionIdsToStages } = await call('looking at the versions of a secret', () =>
    secrets.send(new sdk.secrets.DescribeSecretCommand({ SecretId })),
  )
  const pending = Object.entries(VersionIdsToStages ?? {}).find(
    ([version, stages]) => stages?.includes('AWSPENDING') && version !== current && version !== ours,
  )
  // One that has been overtaken is left over from a rotation that ended.
  if (!pending || pending[1]?.includes('AWSPREVIOUS')) return
  throw new FirebreakError(
    'CONFLICT',
    'the secret is being rotated',
    'Wait until its rotation has ended, or cancel it, then retry.',
  )
}

/** A UUID that follows from what is written: 32 to 64 characters are taken. */
function tokenOf(id: string, version: string, value: Uint8Array): string {
  return createHash('sha256').update(`${id}\n${version}\n`).update(value).digest('hex')
}

/** The container of a place: a secret by its ARN, a parameter by its name. */
export function storeRef(account: Account, kind: 'secret' | 'parameter' | 'function', id: string): Ref {
  return refIn(account, kind, id)
}

export async function readStored(account: Account, place: PlaceRef): Promise<StoredValue> {
  mustBeHere(account, place.in, 'secret', 'parameter', 'function')
  return await stores[place.in.kind]!.read(account, place.in.id)
}

export async function writeStored(
  account: Account,
  place: PlaceRef,
  value: Uint8Array,
  before: StoredValue,
): Promise<string> {
  if (!Buffer.from(value).equals(Buffer.from(Buffer.from(value).toString('utf8'))) && !before.binary)
    throw new FirebreakError('UNSUPPORTED', 'the value is no text, and the place holds text')
  return await stores[place.in.kind]!.write(account, place.in.id, value, before)
}

/** Where there is more than a value, its place is left empty. */
export async function deleteStored(account: Account, place: PlaceRef): Promise<void> {
  await stores[place.in.kind]!.delete?.(account, place.in.id)
}

/** The version in which the place was found. */
export async function forgetStored(
  account: Account,
  { in: { kind, id }, version = '' }: PlaceRef,
): Promise<void> {
  await stores[kind]!.forget?.(account, id, version.slice(id.length + 1))
}

export function bytesOf({ text, binary }: StoredValue): Uint8Array {
  return Buffer.from(text, binary ? 'latin1' : 'utf8')
}
