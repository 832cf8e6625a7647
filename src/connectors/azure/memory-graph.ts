import { GRAPH_APP_ID } from './gather.ts'
import {
  type Answered,
  type Asked,
  type MemoryApplication,
  type MemoryAzure,
  type MemoryPassword,
  newPassword,
  paged,
} from './memory.ts'

type At = 'applications' | 'servicePrincipals'

const ABSENT: Answered = { status: 404, body: { error: { code: 'Request_ResourceNotFound' } } }

/** What graph.microsoft.com answers. */
export function graphAnswer(twin: MemoryAzure, asked: Asked): Answered {
  const path = decodeURIComponent(asked.url.pathname.replace(/^\/v1\.0\//, ''))
  const size = Number(asked.url.searchParams.get('$top') ?? 100)
  const [, at, appId, id, rest = ''] =
    /^(applications|servicePrincipals)(?:\(appId='([^']+)'\)|\/([^/]+))(?:\/(.+))?$/.exec(path) ?? []
  if (appId === GRAPH_APP_ID)
    return paged(twin.directory.get('appRoleAssignedTo') ?? [], asked, size, '@odata.nextLink')
  if (at !== undefined) {
    const application = find(twin, at as At, appId ?? id!)
    return application ? ofOne(application, at as At, rest, asked) : ABSENT
  }
  if (path === 'applications' || path === 'servicePrincipals') {
    const all = [...twin.applications.values()].filter(one => path !== 'applications' || one.isHere)
    return paged(
      all.map(one => shapeOf(one, path, asked.url.searchParams.get('$expand') ?? '')),
      asked,
      size,
      '@odata.nextLink',
    )
  }
  const group = /^groups\/([^/]+)$/.exec(path)?.[1]
  if (group !== undefined) {
    const body = twin.directory.get('groups')?.find(one => 'id' in one && one.id === group)
    return body ? { status: 200, body } : ABSENT
  }
  const name = path.replace('roleManagement/directory/', '')
  return paged(twin.directory.get(name) ?? [], asked, size, '@odata.nextLink')
}

function find(twin: MemoryAzure, at: At, id: string): MemoryApplication | undefined {
  const all = [...twin.applications.values()].filter(({ isHere }) => at !== 'applications' || isHere)
  return all.find(one => [one.appId, at === 'applications' ? one.objectId : one.principalId].includes(id))
}

function ofOne(application: MemoryApplication, at: At, rest: string, { method, body, url }: Asked): Answered {
  const list = at === 'applications' ? 'passwords' : 'principalPasswords'
  const given = body === '' ? {} : (JSON.parse(body) as Given)
  if (rest === 'addPassword') {
    const password = newPassword(given.passwordCredential ?? {})
    application[list].push(password)
    return { status: 200, body: { ...told(password), secretText: password.secretText } }
  }
  if (rest === 'removePassword') {
    const left = application[list].filter(({ keyId }) => keyId !== given.keyId)
    if (left.length === application[list].length)
      return { status: 400, body: { error: { code: 'Request_BadRequest' } } }
    application[list] = left
    return { status: 204, body: null }
  }
  if (rest === 'owners') return paged(application.owners, { url }, 100, '@odata.nextLink')
  if (method === 'PATCH') {
    const kept = given.keyCredentials?.map(({ keyId }) => keyId) ?? []
    application.certificates = application.certificates.filter(({ keyId }) => kept.includes(keyId))
    return { status: 204, body: null }
  }
  return { status: 200, body: shapeOf(application, at, '') }
}

interface Given {
  readonly passwordCredential?: { readonly displayName?: string; readonly endDateTime?: string }
  readonly keyId?: string
  readonly keyCredentials?: readonly { readonly keyId: string }[]
}

function shapeOf(one: MemoryApplication, at: At, expand: string) {
  const isApplication = at === 'applications'
  return {
    id: isApplication ? one.objectId : one.principalId,
    appId: one.appId,
    displayName: one.name,
    passwordCredentials: (isApplication ? one.passwords : one.principalPasswords).map(told),
    keyCredentials: isApplication
      ? one.certificates.map(({ publicKey: _, ...certificate }) => certificate)
      : [],
    ...(isApplication
      ? { signInAudience: 'AzureADMyOrg' }
      : { accountEnabled: one.enabled, ...one.principal }),
    ...(expand.startsWith('owners') && { owners: one.owners }),
    ...(expand.startsWith('federated') && { federatedIdentityCredentials: one.federated }),
  }
}

/** What is shown of a secret once it was made. */
function told({ secretText, ...password }: MemoryPassword) {
  return { ...password, hint: secretText.slice(0, 3), secretText: null, customKeyIdentifier: null }
}
