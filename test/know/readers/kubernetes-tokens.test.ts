import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import type { Observation } from '../../../src/core/contract/observation.ts'
import type { Ref } from '../../../src/core/contract/ref.ts'
import { allReaders } from '../../../src/know/readers/all.ts'
import { compileRules } from '../../../src/know/readers/secrets/engine.ts'
import { parseRule } from '../../../src/know/readers/secrets/rules/load-rules.ts'
import { tree } from '../estate.ts'

const { rule } = parseRule('jwt.yaml', await readFile('rules/secrets/jwt.yaml', 'utf8'))
const readers = allReaders(compileRules([rule!]))

async function copies(text: string, path: string, container: Ref = tree) {
  const found: Extract<Observation, { see: 'copy' }>[] = []
  const document = { id: 'd', in: container, path }
  for (const reader of readers.filter(each => each.reads(document, Buffer.from(text))))
    for await (const one of reader.read(
      document,
      (async function* () {
        yield Buffer.from(text)
      })(),
    ))
      if (one.see === 'copy') found.push(one)
  return found
}

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const token = () =>
  [
    part({ alg: 'RS256', kid: 'k' }),
    part({ sub: 'system:serviceaccount:shop:api' }),
    randomBytes(64).toString('base64url'),
  ].join('.')

const manifest = (line: string) => `# a
---
apiVersion: v1
kind: Secret
metadata: { name: t, namespace: shop, annotations: { kubernetes.io/service-account.name: api, kubernetes.io/service-account.uid: u-9 } }
type: kubernetes.io/service-account-token
${line}
`

describe('the token of a service account', () => {
  test.each([
    ['in base64', (value: string) => `data: { token: ${Buffer.from(value).toString('base64')} }`],
    ['in plain text', (value: string) => `stringData:\n  token: ${value}`],
  ])('%s: what stands beside it says whose it is, of the very copy that the rules find', async (_, line) => {
    const value = token()
    const [byRule, byManifest, ...others] = await copies(manifest(line(value)), 'a.yaml')
    expect(others).toEqual([])
    expect(byManifest!.secret.revealText()).toBe(value)
    expect(byManifest!.place).toEqual(byRule!.place)
    expect(byManifest!.kind).toBe(byRule!.kind)
    expect(byManifest!.confidence).toBeGreaterThan(byRule!.confidence)
    expect(byManifest!.claims).toEqual({
      system: 'kubernetes',
      instance: `?${tree.system}:${tree.instance}`,
      kind: 'service-account',
      id: '?shop/serviceaccount/api',
    })
  })

  test('of a cluster that is connected it is the account with that uid', async () => {
    const container = { system: 'kubernetes', instance: 'c', kind: 'secret', id: 's' }
    const all = await copies(manifest(`stringData: { token: ${token()} }`), 'a.yaml', container)
    expect(all.at(-1)!.claims).toEqual({ ...container, kind: 'service-account', id: 'u-9' })
  })

  test('of another Secret’s text nothing is claimed', async () => {
    const text = manifest(`stringData: { token: ${token()} }`).replace('service-account-token', 'other')
    expect((await copies(text, 'a.yaml')).filter(one => one.claims)).toEqual([])
  })
})
