import { createHash } from 'node:crypto'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { PlaceRef, Ref } from '../../core/contract/ref.ts'
import { type Account, mustBeHere, refIn } from './account.ts'

/** A value that the account keeps: what it says, and the version that a write has to be made on, `NAME@VERSION`. */
export interface StoredValue {
  readonly text: string
  readonly version: string
  /** It is bytes: they were given in base64, and are to be put back so. */
  readonly binary?: boolean
}

/** A place that holds values by name. */
interface Store {
  read(account: Account, name: string): Promise<StoredValue>
  /** CONFLICT where the version is no longer the newest. */
  write(account: Account, name: string, value: Uint8Array, before: StoredValue): Promise<string>
}

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
    async write({ change, secrets, sdk }, SecretId, value, before) {
      // The token makes a second attempt the same version; Secrets Manager moves AWSCURRENT, and keeps what was as
      // AWSPREVIOUS. https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html
      const ClientRequestToken = tokenOf(SecretId, before.version, value)
      return await change('writing a secret', async () => {
        const { VersionId } = await secrets.send(
          new sdk.secrets.PutSecretValueCommand({
            SecretId,
            ClientRequestToken,
            ...(before.binary
              ? { SecretBinary: value }
              : { SecretString: Buffer.from(value).toString('utf8') }),
          }),
        )
        return `${SecretId}@${VersionId}`
      })
    },
  },
  parameter: {
    async read({ call, ssm, sdk }, Name) {
      return await call('reading a parameter', async () => {
        const { Parameter } = await ssm.send(new sdk.ssm.GetParameterCommand({ Name, WithDecryption: true }))
        return { text: Parameter!.Value!, version: `${Name}@${Parameter!.Version}` }
      })
    },
    async write({ change, ssm, sdk }, Name, value) {
      return await change('writing a parameter', async () => {
        const { Version } = await ssm.send(
          new sdk.ssm.PutParameterCommand({
            Name,
            Value: Buffer.from(value).toString('utf8'),
            Overwrite: true,
          }),
        )
        return `${Name}@${Version}`
      })
    },
  },
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
  mustBeHere(account, place.in, 'secret', 'parameter')
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

export function bytesOf({ text, binary }: StoredValue): Uint8Array {
  return Buffer.from(text, binary ? 'latin1' : 'utf8')
}
