import type { Ref } from '../../core/contract/ref.ts'
import { ANY_TENANT } from './azure/names.ts'

export const MANAGERS = ['aws', 'aws-parameter', 'gcp', 'azure', 'vault'] as const
export type Manager = (typeof MANAGERS)[number]

/**
 * What a secret manager keeps under a key that a text has for it; undefined for what is no secret. `where` is what the text says of
 * where that is: an ARN in the same account, the project, the vault or its address.
 */
export function keptBy(manager: Manager, key: string, where?: string): Ref | undefined {
  if (manager === 'gcp') return googleSecret(key, where)
  if (manager === 'azure') return vaultSecret(key, where)
  if (manager === 'vault') return { system: 'vault', instance: '?', kind: 'secret', id: `?${key}` }
  // By its name, in the account of whoever asks, or by its ARN, in whichever account that says:
  // https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
  const kind = manager === 'aws' ? 'secret' : 'parameter'
  return { system: 'aws', instance: accountOf(key) ?? accountOf(where) ?? '?', kind, id: `?${key}` }
}

function accountOf(arn: string | undefined): string | undefined {
  return /^arn:aws[\w-]*:\w+:[\w-]*:(\d{12}):/.exec(arn ?? '')?.[1]
}

/** `S`, or `projects/P/secrets/S/versions/V`: https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets */
function googleSecret(key: string, where: string | undefined): Ref {
  const [, project = where, name = key] = /^projects\/([^/]+)\/secrets\/([^/]+)/.exec(key) ?? []
  return { system: 'gcp', instance: `?${project ?? ''}`, kind: 'secret', id: `?${name}` }
}

/**
 * Many vaults have one of the same name, and no other vault has the vault's, in whichever tenant; case tells nothing:
 * https://learn.microsoft.com/en-us/azure/key-vault/general/about-keys-secrets-certificates
 * One keeps keys and certificates beside secrets: https://external-secrets.io/latest/provider/azure-key-vault/
 */
function vaultSecret(key: string, where: string | undefined): Ref | undefined {
  if (/^(?:key|cert)\//.test(key)) return undefined
  const name = key.replace(/^secret\//, '').toLowerCase()
  const vault = where === undefined ? undefined : keyVault(where)
  if (!vault) return { system: 'azure', instance: '?', kind: 'key-vault-secret', id: `?${name}` }
  return { ...vault, kind: 'key-vault-secret', id: `${vault.id}/${name}` }
}

/** A vault that a text names, or gives the address of: `https://NAME.vault.azure.net/`. */
export function keyVault(named: string): Ref | undefined {
  const name = /^(?:https:\/\/)?([a-z][a-z\d-]*)(?:\.vault\.[a-z.]+)?\/?$/i.exec(named)?.[1]
  return name === undefined
    ? undefined
    : { system: 'azure', instance: ANY_TENANT, kind: 'key-vault', id: `?${name.toLowerCase()}` }
}
