import { items, type Located, member, members, scalar } from '../located.ts'

export interface ComposeFile {
  readonly path: string
  readonly services: readonly Service[]
  /** `secrets:` of the file, by name. */
  readonly secrets: ReadonlyMap<string, Located>
}

export interface Service {
  readonly name: string
  readonly line: number
  readonly node: Located
  readonly image: Located | undefined
  readonly environment: ReadonlyMap<string, Located>
  readonly envFiles: readonly Located[]
  /** Names of the file's secrets that it is given. */
  readonly secrets: readonly Located[]
  readonly mounts: readonly Mount[]
}

export interface Mount {
  readonly source: string
  readonly target: string
  readonly line: number
}

const MOST_SERVICES = 2000
const MOST_DEPTH = 10

export function composeFileOf(path: string, root: Located): ComposeFile | undefined {
  const services = members(member(root, 'services'))
  const secrets = members(member(root, 'secrets'))
  if (services.size === 0 && secrets.size === 0) return undefined
  return {
    path,
    secrets,
    services: [...services]
      .slice(0, MOST_SERVICES)
      .map(([name, node]) => serviceOf(name, extended(node, services, 0))),
  }
}

/** What a service has from another of the file. */
function extended(node: Located, services: ReadonlyMap<string, Located>, depth: number): Located {
  const from = member(node, 'extends')
  if (!from || depth > MOST_DEPTH || member(from, 'file')) return node
  const base = services.get(scalar(from) ?? scalar(member(from, 'service')) ?? '')
  if (!base || base === node) return node
  return { ...node, value: new Map([...members(extended(base, services, depth + 1)), ...members(node)]) }
}

function serviceOf(name: string, node: Located): Service {
  const environment = member(node, 'environment')
  return {
    name,
    line: node.keyLine ?? node.line,
    node,
    image: member(node, 'image'),
    environment:
      environment?.value instanceof Map
        ? environment.value
        : new Map(
            items(environment).map(one => {
              const [key = '', ...value] = (scalar(one) ?? '').split('=')
              return [key, { ...one, value: value.length === 0 ? null : value.join('=') }]
            }),
          ),
    envFiles: items(member(node, 'env_file')).flatMap(one =>
      one.value instanceof Map ? (member(one, 'path') ?? []) : [one],
    ),
    secrets: items(member(node, 'secrets')).flatMap(one =>
      one.value instanceof Map ? (member(one, 'source') ?? []) : [one],
    ),
    mounts: items(member(node, 'volumes')).flatMap(mountOf),
  }
}

function mountOf(volume: Located): Mount[] {
  if (volume.value instanceof Map) {
    const [source, target] = [scalar(member(volume, 'source')), scalar(member(volume, 'target'))]
    return source === undefined ? [] : [{ source, target: target ?? '', line: volume.line }]
  }
  const [source = '', target] = (scalar(volume) ?? '').replace(/\$\{(\w+)(?::?-[^}]*)?\}/g, '$$$1').split(':')
  return target === undefined ? [] : [{ source, target, line: volume.line }]
}
