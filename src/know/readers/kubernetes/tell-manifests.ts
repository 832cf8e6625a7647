import { canonicalJson } from '../../../core/contract/canonical-json.ts'
import type { Facts, Observation } from '../../../core/contract/observation.ts'
import { ownersInTags } from '../../../core/contract/owner-text.ts'
import type { Json, Ref } from '../../../core/contract/ref.ts'
import { Secret } from '../../../core/contract/secret.ts'
import { items, member, members, scalar } from '../located.ts'
import { accessRules, subjectsOf } from './access-rules.ts'
import { awsAuth, cloudIdentities, podRole } from './cloud-identity.ts'
import { managerOf, mirroredBy, mountedOf, remoteKeys, storeOf, targetOf } from './external-secrets.ts'
import { keptBy, MANAGERS } from '../kept-secret.ts'
import { type Manifest, nameOf, Naming, texts } from './manifest.ts'
import { type Pod, podOf, truth } from './pod.ts'
import type { Source } from './read-manifests.ts'

type Found = { readonly manifest: Manifest; readonly source: Source }
interface Document {
  readonly id: string
  readonly in: Ref
  readonly path: string
}

/** Everything that the manifests of one document say. */
export function* tellManifests(document: Document, found: readonly Found[]): Generator<Observation> {
  if (found.length === 0) return
  yield* new Telling(document, found).all()
}

class Telling {
  readonly #document: Document
  readonly #found: readonly Found[]
  readonly #naming: Naming
  readonly #accounts: ReadonlyMap<string, Manifest>
  readonly #stores: ReadonlyMap<string, Manifest>

  constructor(document: Document, found: readonly Found[]) {
    this.#document = document
    this.#found = found
    const manifests = found.map(({ manifest }) => manifest)
    this.#naming = new Naming(document.in, manifests)
    this.#accounts = new Map(
      manifests
        .filter(({ kind }) => kind === 'serviceaccount')
        .map(account => [nameOf('serviceaccount', account.namespace, account.name), account]),
    )
    this.#stores = new Map(
      manifests
        .filter(({ kind }) => kind === 'secretstore' || kind === 'clustersecretstore')
        .map(store => [nameOf(store.kind, store.namespace, store.name), store]),
    )
  }

  *all(): Generator<Observation> {
    yield* this.#places()
    for (const { manifest, source } of this.#found) {
      const ref = this.#naming.refOf(manifest)
      const pod = podOf(manifest)
      if (pod) yield* this.#workload(manifest, ref, pod)
      else if (manifest.kind === 'serviceaccount') yield* this.#account(manifest, ref)
      else if (manifest.kind === 'secret') yield* this.#secret(manifest, ref, source)
      else if (manifest.kind === 'configmap') yield* this.#awsAuth(manifest)
      else yield* this.#resource(manifest, ref)
    }
  }

  /** The cluster, its nodes and the namespaces that something stands in. */
  *#places(): Generator<Observation> {
    const { cluster, nodes } = this.#naming
    const where = ` of ${this.#naming.instance.replace(/^\?/, '')}`
    yield { see: 'resource', ref: cluster, names: ['cluster', `cluster${where}`], facts: {} }
    yield { see: 'resource', ref: nodes, names: ['nodes', `nodes${where}`], facts: {} }
    const told = new Set(
      this.#found.flatMap(({ manifest: { kind, name } }) => (kind === 'namespace' ? name : [])),
    )
    for (const namespace of new Set(this.#found.flatMap(({ manifest }) => manifest.namespace ?? [])))
      if (!told.has(namespace))
        yield {
          see: 'resource',
          ref: this.#naming.ref('namespace', undefined, namespace),
          names: [nameOf('namespace', undefined, namespace)],
          facts: {},
        }
  }

  *#account(manifest: Manifest, ref: Ref): Generator<Observation> {
    const { namespace, name, annotations, root } = manifest
    const automount = truth(member(root, 'automountServiceAccountToken'))
    yield {
      see: 'identity',
      ref,
      names: [nameOf('serviceaccount', namespace, name), `system:serviceaccount:${namespace}:${name}`],
      facts: this.#facts(manifest, {
        ...(automount !== undefined && { mountsToken: automount }),
        ...listed(
          'pullSecrets',
          items(member(root, 'imagePullSecrets')).flatMap(one => scalar(member(one, 'name')) ?? []),
        ),
      }),
    }
    yield* ownersOf(ref, manifest)
    for (const { to, when } of cloudIdentities(annotations))
      yield {
        see: 'edge',
        from: ref,
        to,
        crossing: 'federates-into',
        certainty: 'conditional',
        when,
        why: `an annotation of the service account names it${at(manifest.line)}`,
      }
  }

  *#secret(manifest: Manifest, ref: Ref, source: Source): Generator<Observation> {
    const { namespace, name, annotations, root } = manifest
    const type = scalar(member(root, 'type')) ?? 'Opaque'
    const keys = ['data', 'stringData'].flatMap(part => [...members(member(root, part)).keys()])
    yield {
      see: 'resource',
      ref,
      names: [nameOf('secret', namespace, name)],
      facts: this.#facts(manifest, { type, ...listed('keys', keys.sort()) }),
    }
    if (this.#naming.isProvisional && keys.length > 0) yield* this.#writtenIn(ref)
    const account = annotations.get('kubernetes.io/service-account.name')
    if (type !== 'kubernetes.io/service-account-token' || account === undefined) return
    const identity = this.#naming.ref('serviceaccount', namespace, account)
    const uid = annotations.get('kubernetes.io/service-account.uid')
    const known = !this.#naming.isProvisional && uid !== undefined ? { ...identity, id: uid } : identity
    yield {
      see: 'credential',
      ref: { ...ref, kind: 'token-secret', identity: known },
      facts: this.#facts(manifest, { secret: nameOf('secret', namespace, name) }),
    }
    yield {
      see: 'edge',
      from: ref,
      to: known,
      crossing: 'holds-token-of',
      certainty: 'proven',
      why: `the API keeps a token of ${account} in it`,
    }
    yield* this.#token(manifest, known, source)
  }

  /** Whose the token is stands beside it. */
  *#token({ root }: Manifest, claims: Ref, { text, byte, line }: Source): Generator<Observation> {
    for (const [part, encodings] of [
      ['data', ['base64']],
      ['stringData', []],
    ] as const) {
      const value = scalar(member(root, part, 'token'))
      const start = value === undefined || value.length < 40 ? -1 : text.indexOf(value)
      if (value === undefined || start < 0) continue
      const plain = part === 'data' ? Buffer.from(value, 'base64') : Buffer.from(value)
      const from = byte + Buffer.byteLength(text.slice(0, start))
      yield {
        see: 'copy',
        place: {
          in: this.#document.in,
          path: this.#document.path,
          version: this.#document.id,
          slots: [
            {
              part: 'value',
              at: `${from}-${from + value.length}`,
              encodings: [...encodings],
              line: line + (text.slice(0, start).match(/\n/g)?.length ?? 0),
            },
          ],
        },
        kind: 'jwt',
        secret: new Secret(plain),
        claims,
        confidence: 1,
        reasons: ['the token of a service account'],
      }
    }
  }

  /** Of a file with several Secrets, which value is whose is not told apart. */
  *#writtenIn(secret: Ref): Generator<Observation> {
    const count = this.#found.filter(({ manifest: { kind } }) => kind === 'secret').length
    const file: Ref = { ...this.#document.in, kind: 'file', id: this.#document.path }
    yield { see: 'resource', ref: file, names: [], facts: {} }
    yield {
      see: 'edge',
      from: secret,
      to: file,
      crossing: 'written-in',
      ...(count === 1
        ? { certainty: 'proven' }
        : { certainty: 'conditional', when: `the value is one of this Secret’s: the file has ${count}` }),
      why: 'its values stand in the manifest',
    }
  }

  *#workload(manifest: Manifest, ref: Ref, pod: Pod): Generator<Observation> {
    const { kind, namespace, name } = manifest
    yield {
      see: 'workload',
      ref,
      names: [nameOf(kind, namespace, name)],
      facts: this.#facts(manifest, {
        runtime: 'Kubernetes',
        serviceAccount: pod.serviceAccount,
        privileged: pod.privileged,
        hostNetwork: pod.hostNetwork,
        hostPid: pod.hostPid,
        ...listed('hostPaths', pod.hostPaths),
        mountsHost: pod.hostPaths.some(reachesNode),
        ...listed('addedCapabilities', pod.addedCapabilities),
        ...listed('images', pod.images),
        ...listed('pullSecrets', pod.pullSecrets),
        ...listed('tokenAudiences', pod.tokenAudiences),
        onEveryNode: kind === 'daemonset',
        restartedBy: RESTARTS.get(kind) ?? 'a person',
      }),
    }
    if (this.#naming.isProvisional)
      yield {
        see: 'edge',
        from: ref,
        to: this.#document.in,
        crossing: 'defined-in',
        certainty: 'proven',
        why: `it is written in ${this.#document.path}${at(manifest.line)}`,
      }
    yield* ownersOf(ref, manifest)
    yield* this.#runsAs(manifest, ref, pod)
    const role = podRole(pod.annotations)
    if (role)
      yield {
        see: 'edge',
        from: ref,
        to: role.to,
        crossing: 'federates-into',
        certainty: 'conditional',
        when: role.when,
        why: 'an annotation of its pods asks for the role',
      }
    for (const { secret, key, how, line } of pod.secrets)
      yield {
        see: 'edge',
        from: ref,
        to: this.#naming.ref('secret', namespace, secret),
        crossing: 'reads-secret',
        certainty: 'proven',
        why: `${key === undefined ? `all of ${secret}` : `${key} of ${secret}`} is in its ${how}${at(line)}`,
      }
    for (const { name: called, line } of pod.providerClasses)
      yield {
        see: 'edge',
        from: ref,
        to: this.#naming.ref('secretproviderclass', namespace, called),
        crossing: 'reads-secret',
        certainty: 'proven',
        why: `the secrets of ${called} are mounted in its pods${at(line)}`,
      }
    for (const secret of pod.pullSecrets)
      yield {
        see: 'edge',
        from: ref,
        to: this.#naming.ref('secret', namespace, secret),
        crossing: 'pulls-images-with',
        certainty: 'potential',
        when: 'whoever runs in it reaches what its node pulls images with',
        why: `its images are pulled with ${secret}`,
      }
  }

  /** Whether the account's token is in the pod: the pod says so, else the account, and where nobody does, it is. */
  *#runsAs(manifest: Manifest, from: Ref, pod: Pod): Generator<Observation> {
    const { namespace } = manifest
    const account = this.#accounts.get(nameOf('serviceaccount', namespace, pod.serviceAccount))
    const mounts = pod.automount ?? (account && truth(member(account.root, 'automountServiceAccountToken')))
    const to = this.#naming.ref('serviceaccount', namespace, pod.serviceAccount)
    if (mounts !== false || pod.hasOwnToken) {
      const isSure = mounts === true || pod.hasOwnToken || account !== undefined
      yield {
        see: 'edge',
        from,
        to,
        crossing: 'runs-as',
        ...(isSure
          ? { certainty: 'proven' }
          : {
              certainty: 'conditional',
              when: 'the service account does not say that its token is not mounted',
            }),
        why: `a token of ${pod.serviceAccount} is mounted in its pods`,
      }
    } else if (account)
      // The cloud's own token comes by another way than the account's.
      for (const { to: identity, when } of cloudIdentities(account.annotations))
        yield {
          see: 'edge',
          from,
          to: identity,
          crossing: 'federates-into',
          certainty: 'conditional',
          when,
          why: `an annotation of its service account ${account.name} names it`,
        }
  }

  *#resource(manifest: Manifest, ref: Ref): Generator<Observation> {
    const { kind, namespace, name, labels, root } = manifest
    yield {
      see: 'resource',
      ref,
      names: [nameOf(kind, namespace, name)],
      facts: this.#facts(manifest, {
        ...(kind === 'namespace' && {
          podSecurity: labels.get('pod-security.kubernetes.io/enforce') ?? 'privileged',
        }),
        ...(kind === 'node' && { providerId: scalar(member(root, 'spec', 'providerID')) ?? null }),
        ...(kind === 'persistentvolume' && {
          hostPath: scalar(member(root, 'spec', 'hostPath', 'path')) ?? null,
        }),
      }),
    }
    if (kind === 'namespace') yield* ownersOf(ref, manifest)
    if (kind === 'externalsecret') yield* this.#synced(manifest)
    if (kind === 'secretproviderclass') yield* this.#mounted(manifest, ref)
    const policy = accessRules(manifest)
    if (policy === undefined) return
    yield { see: 'policy', on: ref, language: 'kubernetes-rbac', text: canonicalJson(policy) }
    if (kind !== 'rolebinding' && kind !== 'clusterrolebinding') return
    for (const subject of subjectsOf(root, namespace))
      if (subject.kind !== 'serviceaccount')
        yield {
          see: 'identity',
          ref: this.#naming.subject(subject.kind, subject.name),
          names: [subject.name],
          facts: {},
        }
      // One that nothing else tells of: every namespace has an account `default`.
      else if (this.#naming.isProvisional)
        yield {
          see: 'identity',
          ref: this.#naming.ref('serviceaccount', subject.namespace, subject.name),
          names: [
            nameOf('serviceaccount', subject.namespace, subject.name),
            `system:serviceaccount:${subject.namespace}:${subject.name}`,
          ],
          facts: {},
        }
  }

  /** Whoever has the Secret has what it is made from. */
  *#synced(manifest: Manifest): Generator<Observation> {
    const { namespace, name } = manifest
    const named = storeOf(manifest)
    if (!named) return
    const within = named.kind === 'secretstore' ? namespace : undefined
    const store = this.#stores.get(nameOf(named.kind, within, named.name))
    const secret = this.#naming.ref('secret', namespace, targetOf(manifest))
    // A store that is written elsewhere may be of any of them.
    const managers: readonly ReturnType<typeof managerOf>[] = store
      ? [managerOf(store)]
      : MANAGERS.map(manager => ({ manager }))
    for (const { key, line } of remoteKeys(manifest))
      for (const one of managers)
        yield* this.#cameFrom(secret, one && keptBy(one.manager, key, one.where), {
          why: `ExternalSecret ${name} reads ${key} for it${at(line)}`,
          ...(!store && { when: `${named.name} is a store of ${one?.manager}` }),
        })
  }

  *#mounted(manifest: Manifest, ref: Ref): Generator<Observation> {
    const mirrors = mirroredBy(manifest).map(name => this.#naming.ref('secret', manifest.namespace, name))
    for (const { to, line } of mountedOf(manifest))
      for (const from of [ref, ...mirrors])
        yield* this.#cameFrom(from, to, {
          why: `SecretProviderClass ${manifest.name} mounts ${to.id.slice(1)}${at(line)}`,
        })
  }

  *#cameFrom(
    from: Ref,
    to: Ref | undefined,
    { why, when }: { readonly why: string; readonly when?: string },
  ): Generator<Observation> {
    if (!to) return
    yield { see: 'resource', ref: to, names: [to.id.slice(1)], facts: {} }
    yield {
      see: 'edge',
      from,
      to,
      crossing: 'synced-from',
      ...(when === undefined ? { certainty: 'proven' } : { certainty: 'conditional', when }),
      why,
    }
  }

  *#awsAuth({ namespace, name, root }: Manifest): Generator<Observation> {
    if (namespace !== 'kube-system' || name !== 'aws-auth') return
    const ref = this.#naming.ref('configmap', namespace, name)
    yield { see: 'resource', ref, names: [nameOf('configmap', namespace, name)], facts: {} }
    yield {
      see: 'edge',
      from: ref,
      to: this.#naming.cluster,
      crossing: 'admits-to',
      certainty: 'proven',
      why: 'it says which AWS principals the cluster lets in',
    }
    for (const { from, user, groups } of awsAuth(texts(member(root, 'data')))) {
      const subjects = [
        ...(user === undefined ? [] : [this.#naming.subject('user', user)]),
        ...groups.map(group => this.#naming.subject('group', group)),
      ]
      for (const to of subjects) {
        const called = to.id.replace(/^\?/, '')
        yield { see: 'identity', ref: to, names: [called], facts: {} }
        yield {
          see: 'edge',
          from,
          to,
          crossing: 'mapped-by-aws-auth',
          certainty: 'proven',
          why: `the ConfigMap aws-auth takes it for ${to.kind} ${called}`,
        }
      }
      // The role that nodes log in with is the one that they have.
      if (groups.includes('system:nodes'))
        yield {
          see: 'edge',
          from: this.#naming.nodes,
          to: from,
          crossing: 'has-instance-role',
          certainty: 'proven',
          why: 'the ConfigMap aws-auth lets the nodes in by this role, which is theirs',
        }
    }
  }

  #facts({ namespace, uid, line }: Manifest, said: Record<string, Json>): Facts {
    const all: Record<string, Json> = {
      ...(namespace !== undefined && { namespace }),
      ...(this.#naming.isProvisional && uid !== undefined && { uid }),
      ...(line > 0 && { line }),
      ...said,
    }
    return Object.fromEntries(
      Object.entries(all).flatMap(([name, value]) => (value === null ? [] : [[name, { value }]])),
    )
  }
}

function* ownersOf(ref: Ref, { labels, annotations }: Manifest): Generator<Observation> {
  yield* ownersInTags(ref, labels, 'label')
  yield* ownersInTags(ref, annotations, 'annotation')
}

/** How what reads its secrets when it starts comes to read them again. */
const RESTARTS: ReadonlyMap<string, string> = new Map([
  ['deployment', 'rollout'],
  ['statefulset', 'rollout'],
  ['daemonset', 'rollout'],
  ['cronjob', 'each run'],
])

/** By which of the node's directories a pod becomes its root, or reads the tokens of others. */
function reachesNode(path: string): boolean {
  const clean = path.replace(/\/+$/, '')
  return (
    clean === '' ||
    /^\/(?:etc|root|home|proc|sys|dev|var|run|boot|usr|bin|sbin|lib|lib64|opt)$/.test(clean) ||
    /^\/var\/(?:lib|run)$|^\/var\/lib\/kubelet|^\/etc\/(?:kubernetes|cron|systemd|ssh)|^\/root\/|^\/(?:var\/)?run\/(?:docker|containerd|crio|secrets)/.test(
      clean,
    )
  )
}

function listed(name: string, values: readonly string[]): Record<string, Json> {
  return values.length > 0 ? { [name]: [...new Set(values)] } : {}
}

function at(line: number): string {
  return line > 0 ? ` (line ${line})` : ''
}
