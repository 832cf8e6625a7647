import type { Connection, Connector } from '../../core/contract/connector.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'
import type { Ref, State } from '../../core/contract/ref.ts'
import { type Account, openAccount } from './account.ts'
import { type GitlabConfig, gitlabConfig } from './config.ts'
import { inspectDeployKey } from './deploy-keys.ts'
import { discover, documents, type Reading } from './discover.ts'
import { inspectToken, issue, revoke, rotate, undo, verify } from './tokens.ts'
import { inspectVariable, read, remove, write } from './variables.ts'

/** A group's projects at GitLab. The README beside this says what each verb does. */
export const gitlab: Connector<GitlabConfig> = {
  system: 'gitlab',
  summary:
    'Projects of a group at GitLab: members, access and deploy tokens, deploy keys, CI/CD variables, runners',
  config: gitlabConfig,
  async open(config: GitlabConfig, io: Io): Promise<Connection> {
    const account = await openAccount(config, io)
    const reading: Reading = { standing: [], gaps: [] }
    return {
      instance: account.instance,
      settleSeconds: config.settleSeconds,
      close: async () => {},
      documents: () => documents(account, reading),
      discover: () => discover(account, reading),
      // A token, as a deploy key, is told by itself.
      keepsPublicHalf: true,
      cannot: ({ kind }) =>
        kind === 'access-token' ? [] : kind === 'ssh-key' ? ['rotate'] : ['issue', 'rotate'],
      verify: (ref, secret) => verify(account, ref, secret),
      inspect: ref => inspect(account, ref),
      issue: want => issue(account, want),
      undo: want => undo(account, want),
      rotate: (ref, want) => rotate(account, ref, want),
      revoke: ref => revoke(account, ref),
      read: place => read(account, place),
      write: (place, secret) => write(account, place, secret),
      remove: place => remove(account, place),
    }
  },
}

async function inspect(account: Account, ref: Ref): Promise<State> {
  if (!(await account.stillHere()))
    throw new FirebreakError('CONFLICT', `${account.config.group} is another group now`, 'Connect it anew.')
  if (ref.kind === 'access-token') return await inspectToken(account, ref)
  if (ref.kind === 'ssh-key') return await inspectDeployKey(account, ref)
  if (ref.kind === 'ci-variable') return await inspectVariable(account, ref)
  return null
}
