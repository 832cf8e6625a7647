import { items, type Located, member, scalar } from '../located.ts'
import type { HclBlock } from './hcl.ts'

/** A file of Terraform or OpenTofu: what it declares, by where each is addressed. */
export interface TerraformFile {
  readonly path: string
  readonly resources: readonly TerraformResource[]
  /** Of two with one address the first. */
  readonly byAddress: ReadonlyMap<string, TerraformResource>
  readonly blocks: readonly HclBlock[]
  /** Values that the file itself gives: of locals, and of variables by their defaults. */
  readonly given: ReadonlyMap<string, Located>
}

/** `data.` stands before the address of what is only looked up. */
export interface TerraformResource {
  readonly address: string
  readonly type: string
  readonly name: string
  readonly line: number
  readonly body: Located
}

export function terraformFileOf(path: string, blocks: readonly HclBlock[]): TerraformFile {
  const given = new Map<string, Located>()
  for (const { type, labels, body } of blocks) {
    if (type === 'locals' && body.value instanceof Map)
      for (const [name, value] of body.value) given.set(`local.${name}`, value)
    const initial = type === 'variable' ? member(body, 'default') : undefined
    if (initial) given.set(`var.${labels[0] ?? ''}`, initial)
  }
  const resources = blocks.flatMap(({ type, labels, line, body }): TerraformResource[] => {
    const [kind, name] = labels
    if ((type !== 'resource' && type !== 'data') || kind === undefined || name === undefined) return []
    const address = `${type === 'data' ? 'data.' : ''}${kind}.${name}`
    return [{ address, type: kind, name, line, body }]
  })
  const byAddress = new Map(resources.toReversed().map(one => [one.address, one]))
  return { path, resources, byAddress, blocks, given }
}

const ADDRESS = /(?<![\w.])(?:data\.)?[a-z][a-z0-9]*_[a-z0-9_]+\.[A-Za-z_][\w-]*/g

/** Addresses of resources that an expression or a template speaks of. */
export function addressesIn(located: Located | undefined): string[] {
  return namedIn(located, ADDRESS)
}

/** All that matches, a global pattern, in expressions: in a template, what stands in its braces. */
export function namedIn(located: Located | undefined, pattern: RegExp): string[] {
  if (!located) return []
  if (located.value instanceof Map) return [...located.value.values()].flatMap(one => namedIn(one, pattern))
  if (Array.isArray(located.value)) return items(located).flatMap(one => namedIn(one, pattern))
  if (located.tag === undefined) return []
  const text = scalar(located) ?? ''
  const expressions =
    located.tag === '!template'
      ? [...text.matchAll(/(?<![$%])[$%]\{([^}]{0,1000})/g)].map(([, inner = '']) => inner)
      : [text]
  return expressions.flatMap(one => [...one.matchAll(pattern)].map(([found]) => found))
}

/** A text as it is where the file itself gives what it names; undefined where only a plan knows it. */
export function textOf(file: TerraformFile, located: Located | undefined, depth = 0): string | undefined {
  const text = scalar(located)
  if (text === undefined || located?.tag === undefined) return text
  const valueOf = (name: string) => (depth > 5 ? undefined : textOf(file, file.given.get(name), depth + 1))
  if (located.tag !== '!template') return /^(?:var|local)\.[\w-]+$/.test(text) ? valueOf(text) : undefined
  let known = true
  const filled = text.replace(
    /\$\{\s*((?:var|local)\.[\w-]+)\s*\}|\$\{[^}]*\}/g,
    (_, name: string | undefined) => {
      const value = name === undefined ? undefined : valueOf(name)
      if (value === undefined) known = false
      return value ?? ''
    },
  )
  return known ? filled : undefined
}

/** The resource that an attribute refers to, `aws_iam_user.ci.name`. */
export function resourceOf(file: TerraformFile, located: Located | undefined): TerraformResource | undefined {
  const [address] = addressesIn(located)
  return address === undefined ? undefined : file.byAddress.get(address)
}
