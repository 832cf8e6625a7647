import { items, type Located, member, members, scalar } from '../located.ts'
import { type Kind, type Manifest, texts } from './manifest.ts'

/** What a pod runs as, reads and may do to its node; of whatever makes pods, its template. */
export interface Pod {
  readonly serviceAccount: string
  /** Undefined where it leaves that to the service account. */
  readonly automount: boolean | undefined
  /** It asks for a token for the API by name, whatever is mounted by itself. */
  readonly hasOwnToken: boolean
  /** For whom else it has tokens: `sts.amazonaws.com`, `vault`. */
  readonly tokenAudiences: readonly string[]
  readonly secrets: readonly SecretUse[]
  /** The SecretProviderClasses whose secrets are mounted. */
  readonly providerClasses: readonly { readonly name: string; readonly line: number }[]
  readonly pullSecrets: readonly string[]
  readonly images: readonly string[]
  readonly privileged: boolean
  readonly hostNetwork: boolean
  readonly hostPid: boolean
  readonly hostPaths: readonly string[]
  readonly addedCapabilities: readonly string[]
  readonly annotations: ReadonlyMap<string, string>
}

export interface SecretUse {
  readonly secret: string
  /** Undefined where all of it is read. */
  readonly key: string | undefined
  readonly how: 'environment' | 'volume'
  readonly line: number
}

/** Where each kind keeps its pods' template. */
const TEMPLATES: Partial<Record<Kind, readonly string[]>> = {
  pod: [],
  podtemplate: ['template'],
  replicationcontroller: ['spec', 'template'],
  deployment: ['spec', 'template'],
  statefulset: ['spec', 'template'],
  daemonset: ['spec', 'template'],
  replicaset: ['spec', 'template'],
  job: ['spec', 'template'],
  cronjob: ['spec', 'jobTemplate', 'spec', 'template'],
}

/** Undefined where it makes no pods. */
export function podOf({ kind, root }: Manifest): Pod | undefined {
  const path = TEMPLATES[kind]
  const template = path && member(root, ...path)
  const spec = member(template, 'spec')
  if (spec?.value instanceof Map === false) return undefined
  const containers = ['containers', 'initContainers', 'ephemeralContainers'].flatMap(name =>
    items(member(spec, name)),
  )
  const volumes = items(member(spec, 'volumes'))
  const projected = volumes.flatMap(volume => items(member(volume, 'projected', 'sources')))
  const tokens = projected.flatMap(source => member(source, 'serviceAccountToken') ?? [])
  const audiences = tokens.map(token => scalar(member(token, 'audience')))
  return {
    serviceAccount:
      scalar(member(spec, 'serviceAccountName')) ?? scalar(member(spec, 'serviceAccount')) ?? 'default',
    automount: truth(member(spec, 'automountServiceAccountToken')),
    hasOwnToken: audiences.some(audience => audience === undefined),
    tokenAudiences: audiences.filter(audience => audience !== undefined),
    secrets: [
      ...containers.flatMap(secretsInEnvironment),
      ...volumes.flatMap(volume => secretUse(member(volume, 'secret'), 'secretName', 'volume')),
      ...projected.flatMap(source => secretUse(member(source, 'secret'), 'name', 'volume')),
    ],
    providerClasses: volumes.flatMap(volume => {
      const named = member(volume, 'csi', 'volumeAttributes', 'secretProviderClass')
      const name = scalar(named)
      return name === undefined ? [] : [{ name, line: named!.line }]
    }),
    pullSecrets: items(member(spec, 'imagePullSecrets')).flatMap(one => scalar(member(one, 'name')) ?? []),
    images: [...new Set(containers.flatMap(container => scalar(member(container, 'image')) ?? []))],
    // A process of the host's, as Windows calls it, has all of its node, too.
    privileged: [
      member(spec, 'securityContext', 'windowsOptions', 'hostProcess'),
      ...containers.flatMap(container => [
        member(container, 'securityContext', 'privileged'),
        member(container, 'securityContext', 'windowsOptions', 'hostProcess'),
      ]),
    ].some(one => truth(one) === true),
    hostNetwork: truth(member(spec, 'hostNetwork')) === true,
    hostPid: truth(member(spec, 'hostPID')) === true,
    hostPaths: volumes.flatMap(volume => scalar(member(volume, 'hostPath', 'path')) ?? []),
    addedCapabilities: containers
      .flatMap(container => items(member(container, 'securityContext', 'capabilities', 'add')))
      .flatMap(capability => scalar(capability) ?? []),
    annotations: texts(member(template, 'metadata', 'annotations')),
  }
}

function secretsInEnvironment(container: Located): SecretUse[] {
  return [
    ...items(member(container, 'env')).flatMap(variable =>
      secretUse(member(variable, 'valueFrom', 'secretKeyRef'), 'name', 'environment'),
    ),
    ...items(member(container, 'envFrom')).flatMap(source =>
      secretUse(member(source, 'secretRef'), 'name', 'environment'),
    ),
  ]
}

function secretUse(named: Located | undefined, by: string, how: SecretUse['how']): SecretUse[] {
  const secret = scalar(member(named, by))
  if (secret === undefined) return []
  return [{ secret, key: scalar(member(named, 'key')), how, line: members(named).get(by)?.line ?? 0 }]
}

/** A quoted `"true"` is not accepted by the API, and is what somebody meant. */
export function truth(located: Located | undefined): boolean | undefined {
  const text = scalar(located)
  return text === 'true' ? true : text === 'false' ? false : undefined
}
