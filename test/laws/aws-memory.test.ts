import { memoryAws } from '../../src/connectors/aws/memory.ts'
import { realIo } from '../../src/core/contract/io.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { laws } from './laws.ts'
import { memoryFaults } from './memory-faults.ts'
import type { World } from './world.ts'

laws({
  name: 'AWS in memory',
  // AWS lists no sessions, and gives a key no new secret.
  lacks: ['extend', 'sessions', 'rotate'],
  async start(): Promise<World> {
    const twin = memoryAws({ pageSize: 2 })
    let count = 0
    const open = () => twin.connector.open({} as never, realIo())
    return {
      open,
      endsNothingByItself: true,
      manyPrincipals: 5,
      stop: async () => {},
      async principal() {
        const user = twin.account.addUser(`app-${count++}`)
        const key = twin.account.addKey(user)
        const identity = { system: 'aws', instance: twin.account.number, kind: 'user', id: user.id }
        const credential = { ...identity, kind: 'access-key', id: key.id, identity }
        const role = twin.account.addRole(`role-of-${user.name}`, {})
        const trial = {
          from: identity,
          to: { ...identity, kind: 'role', id: role.id },
          toNames: [role.arn],
          crossing: 'aws-sts-001',
          actions: [{ action: 'sts:AssumeRole', onTarget: true }],
        }
        return { identity, credential, secret: new Secret(key.secret, key.id), trial }
      },
      use: async secret => {
        const key = twin.account.keyOf(secret.id ?? '')
        return key?.active === true && key.secret === secret.revealText()
      },
      faults: async () => memoryFaults(twin, open),
      snapshot: async () => twin.account.snapshot(),
      replace: async () => {
        twin.account.number = '999988887777'
      },
      vanish: async () => {
        twin.reachable = false
      },
    }
  },
})
