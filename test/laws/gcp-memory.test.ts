import { memoryGcp } from '../../src/connectors/gcp/memory.ts'
import { realIo } from '../../src/core/contract/io.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { laws } from './laws.ts'
import { memoryFaults } from './memory-faults.ts'
import type { World } from './world.ts'

laws({
  name: 'Google Cloud in memory',
  // Tokens that were made from a key go on for their hour; a key is given no new secret.
  lacks: ['extend', 'sessions', 'endSessions', 'rotate', 'freeze', 'thaw', 'narrow', 'probe'],
  async start(): Promise<World> {
    const twin = memoryGcp({ pageSize: 2 })
    let count = 0
    const open = () => twin.connector.open({} as never, realIo())
    return {
      open,
      endsNothingByItself: true,
      keepsNoNames: true,
      manyPrincipals: 5,
      stop: async () => {},
      async principal() {
        const account = twin.addAccount(`app-${count++}`)
        const key = twin.addKey(account)
        const identity = {
          system: 'gcp',
          instance: twin.project,
          kind: 'service-account',
          id: account.uniqueId,
        }
        const credential = { ...identity, kind: 'service-account-key', id: key.id, identity }
        return { identity, credential, secret: new Secret(key.privateKey, account.email) }
      },
      use: async secret => {
        const account = twin.accounts.get(secret.id ?? '')
        if (!account || account.disabled) return false
        return [...account.keys.values()].some(
          key => !key.disabled && key.privateKey.trimEnd() === secret.revealText().trimEnd(),
        )
      },
      faults: async () => memoryFaults(twin, open),
      snapshot: async () => twin.snapshot(),
      replace: async () => {
        twin.number = '111111111111'
      },
      vanish: async () => {
        twin.reachable = false
      },
    }
  },
})
