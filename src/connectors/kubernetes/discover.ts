import { countText } from '../../core/contract/count-text.ts'
import { isFirebreakError } from '../../core/contract/errors.ts'
import type { Observation } from '../../core/contract/observation.ts'
import { type Cluster, refIn } from './cluster.ts'
import type { Gaps } from './documents.ts'
import { ACCOUNTS, list, SECRETS } from './listing.ts'
import { isApproved } from './places.ts'
import { ACCOUNT_NAME, ACCOUNT_UID, TOKEN_TYPE } from './stored-text.ts'
import { OURS } from './tokens.ts'

/**
 * What no manifest says: which cluster it is and by which names it is called, which Secrets may be written, and the tokens of its
 * accounts. `gaps` are the documents' that were read before.
 */
export async function* discover(cluster: Cluster, gaps: Gaps): AsyncGenerator<Observation> {
  const { instance, endpoint, config } = cluster
  yield {
    see: 'resource',
    ref: refIn(cluster, 'instance', instance),
    names: [endpoint, ...config.endpoints, ...config.manifests],
    facts: { namespaces: { value: config.namespaces.length === 0 ? 'all' : [...config.namespaces] } },
  }
  const parts: [string, readonly string[], () => AsyncIterable<Observation>][] = [
    ['accounts', [...ACCOUNTS.hides, 'token'], () => accounts(cluster)],
    ['secrets', SECRETS.hides, () => secrets(cluster)],
  ]
  for (const [scope, hides, read] of parts)
    try {
      yield* read()
      yield { see: 'covered', scope: `kubernetes:${instance}/${scope}`, complete: true }
    } catch (error) {
      if (!isFirebreakError(error)) throw error
      const failed = !['DENIED', 'UNSUPPORTED'].includes(error.code)
      yield gap(cluster, scope, { why: error.message, failed, hides })
    }
  for (const [scope, found] of gaps) yield gap(cluster, `listed/${scope}`, found)
  if (config.namespaces.length > 0)
    yield gap(cluster, 'other namespaces', {
      why: `only ${countText(config.namespaces.length, 'namespace is', 'namespaces are')} looked at, as the connection says`,
      failed: false,
      hides: [],
    })
}

function gap(
  { instance }: Cluster,
  scope: string,
  { why, failed, hides }: { why: string; failed: boolean; hides: readonly string[] },
): Observation {
  return {
    see: 'covered',
    scope: `kubernetes:${instance}/${scope}`,
    complete: false,
    why,
    ...(failed && { failed }),
    ...(hides.length > 0 && { hides }),
  }
}

/** Each may be given tokens for a time: what they are is not kept anywhere, and they are one credential here. */
async function* accounts(cluster: Cluster): AsyncGenerator<Observation> {
  for await (const { metadata } of list(cluster, ACCOUNTS, { metadataOnly: true })) {
    const { namespace = '', name, uid } = metadata
    const identity = refIn(cluster, 'service-account', uid)
    yield {
      see: 'identity',
      ref: identity,
      names: [`${namespace}/serviceaccount/${name}`, `system:serviceaccount:${namespace}:${name}`],
      facts: {},
    }
    yield {
      see: 'credential',
      ref: { ...refIn(cluster, 'token', uid), identity },
      facts: { lifetime: { value: 'given for a time (TokenRequest)' } },
    }
  }
}

async function* secrets(cluster: Cluster): AsyncGenerator<Observation> {
  const ofTokens = new Set<string>()
  for (const [selection, byLabel] of [
    [{ fieldSelector: `type=${TOKEN_TYPE}` }, false],
    [{ labelSelector: OURS }, true],
  ] as const)
    for await (const { metadata } of list(cluster, SECRETS, { ...selection, metadataOnly: true })) {
      const { namespace = '', name, uid, annotations } = metadata
      const account = annotations?.[ACCOUNT_UID]
      if (account === undefined || ofTokens.has(uid)) continue
      ofTokens.add(uid)
      yield {
        see: 'credential',
        ref: { ...refIn(cluster, 'token', uid), identity: refIn(cluster, 'service-account', account) },
        facts: {
          secret: { value: `${namespace}/secret/${name}` },
          account: { value: annotations?.[ACCOUNT_NAME] ?? '' },
          issuedByFirebreak: { value: byLabel || metadata.labels?.[OURS] !== undefined },
        },
      }
    }
  for await (const { metadata } of list(cluster, SECRETS, { metadataOnly: true })) {
    const { namespace = '', name, uid } = metadata
    yield {
      see: 'resource',
      ref: refIn(cluster, 'secret', uid),
      names: [`${namespace}/secret/${name}`],
      // The API writes tokens itself.
      facts: { approved: { value: !ofTokens.has(uid) && isApproved(cluster, `${namespace}/${name}`) } },
    }
  }
}
