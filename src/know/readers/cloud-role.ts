import type { Ref } from '../../core/contract/ref.ts'

const ROLE_ARN = /^arn:aws[\w-]*:iam::(\d{12}):role\/[\w+=,.@/-]+$/
const SERVICE_ACCOUNT = /^[^@\s]+@([^.\s]+)\.iam\.gserviceaccount\.com$/
const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** A role of AWS that a text names by its ARN. */
export function awsRole(arn: string): Ref | undefined {
  const account = ROLE_ARN.exec(arn)?.[1]
  return account === undefined ? undefined : { system: 'aws', instance: account, kind: 'role', id: `?${arn}` }
}

/** A service account of Google Cloud that a text names by its address. */
export function serviceAccount(email: string): Ref | undefined {
  const project = SERVICE_ACCOUNT.exec(email)?.[1]
  return project === undefined
    ? undefined
    : { system: 'gcp', instance: `?${project}`, kind: 'service-account', id: `?${email}` }
}

/** A principal of Entra that a text names by its application and its tenant. */
export function entraPrincipal(client: string | undefined, tenant: string | undefined): Ref | undefined {
  return client !== undefined && tenant !== undefined && GUID.test(client) && GUID.test(tenant)
    ? { system: 'azure', instance: `?${tenant}`, kind: 'service-principal', id: `?${client}` }
    : undefined
}
