import { readFile } from 'node:fs/promises'
import { declared } from '../../src/connectors/declared/connector.ts'
import { memoryVendors, snapshotOf } from '../../src/connectors/declared/memory.ts'
import { realIo } from '../../src/core/contract/io.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { parseRule } from '../../src/know/readers/secrets/rules/load-rules.ts'
import { randomBytes } from 'node:crypto'
import { laws } from './laws.ts'
import type { World } from './world.ts'

const letters = (count: number) => randomBytes(count).toString('hex').slice(0, count)

/** A token's value at the vendor, and the secret that a scan would find of it. */
const VENDORS: Record<string, () => [value: string, secret: Secret]> = {
  'github-token': () => {
    const value = `ghp_${letters(36)}`
    return [value, new Secret(value)]
  },
  // Which answers 200 to everything.
  'slack-token': () => {
    const value = `xoxb-${letters(12)}-${letters(12)}-${letters(24)}`
    return [value, new Secret(value)]
  },
  // Which is ended by an id that is looked up.
  'linode-token': () => {
    const value = letters(64)
    return [value, new Secret(value)]
  },
  // Of which the public half is needed as well.
  'discord-webhook': () => {
    const [id, token] = [letters(18), letters(68)]
    return [`${id}/${token}`, new Secret(token, id)]
  },
}

for (const [kind, newValue] of Object.entries(VENDORS))
  laws({
    name: `${kind} in memory`,
    lacks: [
      'extend',
      'issue',
      'rotate',
      'suspend',
      'freeze',
      'sessions',
      'endSessions',
      'inspect',
      'read',
      'discover',
      'probe',
    ],
    async start(): Promise<World> {
      const twin = memoryVendors()
      const file = new URL(`../../rules/secrets/${kind}.yaml`, import.meta.url)
      const { rule } = parseRule(file.pathname, await readFile(file, 'utf8'))
      const connector = declared(async () => [rule!])
      let count = 0
      return {
        open: () => connector.open({}, { ...realIo(), fetch: twin.fetch }),
        stop: async () => {},
        async principal() {
          const [value, secret] = newValue()
          twin.tokens.set(value, {
            login: `app-${count++}`,
            scopes: ['repo', 'account:read_write'],
            revoked: false,
          })
          const credential = { system: kind.split('-')[0]!, instance: '?', kind, id: `fp:${count}` }
          return { identity: credential, credential, secret }
        },
        use: async secret => {
          const value = secret.id === undefined ? secret.revealText() : `${secret.id}/${secret.revealText()}`
          return twin.tokens.get(value)?.revoked === false
        },
        snapshot: async () => snapshotOf(twin),
        vanish: async () => {
          twin.reachable = false
        },
        log: async () => twin.log.join('\n'),
      }
    },
  })
