import type { Ref } from '../../../core/contract/ref.ts'
import { locateYaml } from '../locate-yaml.ts'
import { items, type Located, member, scalar } from '../located.ts'
import { keptBy, type Manager } from '../kept-secret.ts'
import type { Manifest } from './manifest.ts'

/** What a secret manager outside of the cluster keeps, by the name that a manifest has for it. */
export interface KeptOutside {
  readonly to: Ref
  readonly line: number
}

/** Which secret manager a store of the External Secrets Operator reads, and where: https://external-secrets.io/latest/api/secretstore/ */
export function managerOf(store: Manifest): { manager: Manager; where?: string | undefined } | undefined {
  const provider = member(store.root, 'spec', 'provider')
  const said = (...path: string[]) => scalar(member(provider, ...path))
  if (member(provider, 'aws'))
    return {
      manager: said('aws', 'service') === 'ParameterStore' ? 'aws-parameter' : 'aws',
      where: said('aws', 'role'),
    }
  if (member(provider, 'gcpsm')) return { manager: 'gcp', where: said('gcpsm', 'projectID') }
  if (member(provider, 'azurekv')) return { manager: 'azure', where: said('azurekv', 'vaultUrl') }
  return member(provider, 'vault') && { manager: 'vault' }
}

/** The store that an ExternalSecret names, as kind and name. */
export function storeOf({
  root,
}: Manifest): { kind: 'secretstore' | 'clustersecretstore'; name: string } | undefined {
  const named = member(root, 'spec', 'secretStoreRef')
  const name = scalar(member(named, 'name'))
  if (name === undefined) return undefined
  const isCluster = scalar(member(named, 'kind')) === 'ClusterSecretStore'
  return { kind: isCluster ? 'clustersecretstore' : 'secretstore', name }
}

/** The Secret that an ExternalSecret makes: one of its own name, where it names none. */
export function targetOf({ root, name }: Manifest): string {
  return scalar(member(root, 'spec', 'target', 'name')) ?? name
}

/** What an ExternalSecret has read for it: https://external-secrets.io/latest/api/externalsecret/ */
export function remoteKeys({ root }: Manifest): { key: string; line: number }[] {
  const spec = member(root, 'spec')
  const named = [
    ...items(member(spec, 'data')).map(one => member(one, 'remoteRef', 'key')),
    ...items(member(spec, 'dataFrom')).map(one => member(one, 'extract', 'key')),
  ]
  return named.flatMap(one => {
    const key = scalar(one)
    return key === undefined ? [] : [{ key, line: one!.line }]
  })
}

const PROVIDERS: ReadonlyMap<string, Manager> = new Map([
  ['aws', 'aws'],
  ['gcp', 'gcp'],
  ['azure', 'azure'],
  ['vault', 'vault'],
])

/**
 * What a SecretProviderClass mounts: the objects stand in a text of YAML, in each provider's own form.
 * https://secrets-store-csi-driver.sigs.k8s.io/concepts
 */
export function mountedOf({ root }: Manifest): KeptOutside[] {
  const manager = PROVIDERS.get(scalar(member(root, 'spec', 'provider')) ?? '')
  if (!manager) return []
  const parameters = member(root, 'spec', 'parameters')
  const text = member(parameters, 'objects') ?? member(parameters, 'secrets')
  const line = text?.line ?? root.line
  const vault = scalar(member(parameters, 'keyvaultName'))
  return objectsIn(text).flatMap(object => {
    const to = mountedObject(manager, object, vault)
    return to ? [{ to, line }] : []
  })
}

function mountedObject(manager: Manager, object: Located, vault: string | undefined): Ref | undefined {
  const said = (name: string) => scalar(member(object, name))?.trim()
  const type = said('objectType')?.toLowerCase()
  if (manager === 'azure' && type !== undefined && type !== 'secret') return undefined
  const key = said(manager === 'vault' ? 'secretPath' : manager === 'gcp' ? 'resourceName' : 'objectName')
  return key === undefined
    ? undefined
    : keptBy(type === 'ssmparameter' ? 'aws-parameter' : manager, key, vault)
}

/** A list, or Azure's `array` of texts of which each is an object again. */
function objectsIn(text: Located | undefined): readonly Located[] {
  const [root] = locateYaml(scalar(text) ?? '').documents
  const array = member(root, 'array')
  if (!array) return items(root)
  return items(array).flatMap(one => (scalar(one) === undefined ? one : locateYaml(scalar(one)!).documents))
}

/** The Secrets that the driver keeps beside the mounted files. */
export function mirroredBy({ root }: Manifest): string[] {
  return items(member(root, 'spec', 'secretObjects')).flatMap(one => scalar(member(one, 'secretName')) ?? [])
}
