import { slackConfig } from '../../src/connectors/slack/config.ts'
import { slack } from '../../src/connectors/slack/connector.ts'
import { memorySlack } from '../../src/connectors/slack/memory.ts'
import { realIo } from '../../src/core/contract/io.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { randomBytes } from 'node:crypto'
import { laws } from './laws.ts'
import type { World } from './world.ts'

laws({
  name: 'Slack in memory',
  // A token is verified and revoked as its rule declares: see connectors/declared.
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
    'verify',
    'revoke',
    'probe',
  ],
  async start(): Promise<World> {
    const workspace = memorySlack()
    workspace.token = randomBytes(20).toString('hex')
    return {
      open: () =>
        slack.open(slackConfig.parse({ token: new Secret(workspace.token) }), {
          ...realIo(),
          fetch: workspace.fetch,
        }),
      stop: async () => {},
      manyPrincipals: 5,
      async principal() {
        const id = `U${workspace.bots.length + 1}`
        workspace.bots.push({ id, name: `bot-${id}` })
        const identity = { system: 'slack', instance: workspace.team, kind: 'bot', id }
        return {
          identity,
          credential: { ...identity, kind: 'token', identity },
          secret: new Secret(workspace.token),
        }
      },
      log: async () => workspace.log.join('\n'),
    }
  },
})
