import { z } from 'zod'
import type { Connector } from '../../core/contract/connector.ts'
import { type SlackConfig, slackConfig } from './config.ts'
import { Workspace } from './workspace.ts'
import { WebApi } from './web-api.ts'

const tested = z.looseObject({ team_id: z.string().min(1), team: z.string(), url: z.string().default('') })

/**
 * Conversations of a Slack workspace as documents, in the form of its export, and the bots in it. A token is verified and
 * revoked as its rule declares.
 */
export const slack: Connector<SlackConfig> = {
  system: 'slack',
  summary: 'Conversations and bots of a Slack workspace',
  config: slackConfig,
  async open(config, io) {
    const api = new WebApi(config, io)
    const team = await api.call('auth.test', {}, tested)
    const workspace = new Workspace(api, team.team_id, [team.team, hostOf(team.url)], config.channels)
    return {
      instance: team.team_id,
      settleSeconds: 0,
      close: async () => {},
      discover: () => workspace.discover(),
      documents: () => workspace.documents(),
    }
  },
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : ''
}
