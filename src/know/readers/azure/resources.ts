import type { z } from 'zod'
import { factsOf, type Observation } from '../../../core/contract/observation.ts'
import type { Ref } from '../../../core/contract/ref.ts'
import type { resourceSchema } from './item-shapes.ts'
import type { Names } from './names.ts'

/** A thing of Azure: what it is in, whom what runs there is, and who may read it by lists of its own. */
export function* tellResource(
  names: Names,
  resource: z.infer<typeof resourceSchema>,
): Generator<Observation> {
  const ref = names.scope(resource.id)
  yield* names.chain(resource.id)
  const { disableLocalAccounts, allowSharedKeyAccess, enableRbacAuthorization, vaultUri } = resource
  const facts = factsOf({
    ...(ref.kind === 'aks-cluster' && {
      localAccounts: turned(disableLocalAccounts, 'identityProfile' in resource),
    }),
    // Where it says nothing of that, keys are taken.
    ...(ref.kind === 'storage-account' && {
      sharedKeys: allowSharedKeyAccess ?? ('primaryEndpoints' in resource ? true : undefined),
    }),
    // Where it says nothing, and does say of itself, access policies count.
    ...(ref.kind === 'key-vault' && {
      accessPolicies: turned(enableRbacAuthorization, vaultUri != null),
    }),
  })
  if (Object.keys(facts).length > 0) yield { see: 'resource', ref, names: [], facts }
  for (const identity of identitiesOf(names, resource)) {
    yield { see: 'identity', ref: identity, names: [], facts: {} }
    yield {
      see: 'edge',
      from: ref,
      to: identity,
      crossing: 'runs-as',
      certainty: 'proven',
      why: 'whatever runs there is given its tokens',
    }
  }
  if (enableRbacAuthorization === true) return
  for (const { objectId, permissions } of resource.accessPolicies ?? []) {
    if (!permissions?.secrets?.some(one => /^(?:get|all)$/i.test(one))) continue
    const from = names.object(objectId, undefined)
    yield { see: 'identity', ref: from, names: [], facts: {} }
    yield {
      see: 'edge',
      from,
      to: ref,
      crossing: 'may-read',
      certainty: 'proven',
      why: 'an access policy of the vault lets it get secrets',
    }
  }
}

/** What it says is switched off, as what is on; where it says nothing, it is on. */
function turned(off: boolean | null | undefined, isTold: boolean): boolean | undefined {
  return off == null ? (isTold ? true : undefined) : !off
}

function identitiesOf(
  names: Names,
  { identity, identityProfile }: z.infer<typeof resourceSchema>,
): Iterable<Ref> {
  const objects = [
    identity?.principalId,
    // Of a cluster, those that its nodes run as.
    ...Object.values(identityProfile ?? {}).map(({ objectId }) => objectId),
  ].filter(id => id != null)
  const paths = Object.keys(identity?.userAssignedIdentities ?? {})
  return [
    ...objects.map(id => names.object(id, 'ServicePrincipal')),
    ...paths.map(path => names.ref('service-principal', `?${path.toLowerCase()}`)),
  ]
}
