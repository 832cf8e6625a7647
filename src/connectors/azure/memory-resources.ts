import { randomBytes } from 'node:crypto'
import { type Answered, type Asked, type MemoryAzure, paged } from './memory.ts'

const ABSENT: Answered = { status: 404, body: { error: { code: 'SecretNotFound' } } }

/** What management.azure.com answers. */
export function armAnswer(twin: MemoryAzure, asked: Asked): Answered {
  const path = decodeURIComponent(asked.url.pathname)
  const subscriptionId = twin.subscription
  if (path === '/subscriptions')
    return paged(
      [
        {
          id: `/subscriptions/${subscriptionId}`,
          subscriptionId,
          tenantId: twin.tenant,
          displayName: 'Shop',
        },
      ],
      asked,
      twin.pageSize,
      'nextLink',
    )
  const name = path.slice(path.lastIndexOf('/') + 1)
  if (name === 'vaults') {
    const vaults = [...twin.vaults.values()].map(vault => ({
      id: vault.id,
      name: vault.name,
      type: 'Microsoft.KeyVault/vaults',
      properties: {
        tenantId: twin.tenant,
        vaultUri: `https://${vault.name}.vault.azure.net/`,
        ...vault.properties,
      },
    }))
    return paged(vaults, asked, twin.pageSize, 'nextLink')
  }
  // This list alone is asked for by POST.
  if ((name === 'getEntities') !== (asked.method === 'POST')) return { status: 405, body: {} }
  const within = path.includes('/userAssignedIdentities/')
    ? path.slice(path.indexOf('/userAssignedIdentities/') + 1)
    : name
  return paged(twin.resources.get(within) ?? [], asked, twin.pageSize, 'nextLink')
}

/** What a vault answers. */
export function vaultAnswer(twin: MemoryAzure, asked: Asked): Answered {
  const { url, method, body } = asked
  const vault = twin.vaults.get(url.hostname.slice(0, url.hostname.indexOf('.')))
  if (!vault) return ABSENT
  const idOf = (name: string) => `https://${vault.name}.vault.azure.net/secrets/${name}`
  if (url.pathname === '/secrets') {
    const all = [...vault.secrets.keys()].map(name => ({ id: idOf(name), attributes: { enabled: true } }))
    return paged(all, asked, Number(url.searchParams.get('maxresults') ?? 25), 'nextLink')
  }
  const [, name = '', which] = /^\/secrets\/([0-9A-Za-z-]+)(?:\/(\w+))?$/.exec(url.pathname) ?? []
  const versions = vault.secrets.get(name) ?? []
  if (method === 'DELETE') {
    vault.secrets.delete(name)
    return versions.length === 0 ? ABSENT : { status: 200, body: { id: idOf(name) } }
  }
  if (method === 'PATCH') {
    if (!versions.some(({ version }) => version === which)) return ABSENT
    // Nobody is given what is switched off.
    vault.secrets.set(
      name,
      versions.filter(({ version }) => version !== which),
    )
    return { status: 200, body: { id: `${idOf(name)}/${which}`, attributes: { enabled: false } } }
  }
  if (method === 'PUT') {
    const given = JSON.parse(body) as { value: string; contentType?: string; tags?: Record<string, string> }
    vault.secrets.set(name, [...versions, { ...given, version: randomBytes(16).toString('hex') }])
  }
  const latest = vault.secrets.get(name)?.at(-1)
  if (!latest) return ABSENT
  const { version, ...rest } = latest
  return { status: 200, body: { ...rest, id: `${idOf(name)}/${version}`, attributes: { enabled: true } } }
}
