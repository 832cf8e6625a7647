import type { Connection, Connector, Want } from '../../core/contract/connector.ts'
import type { Io } from '../../core/contract/io.ts'
import { openAccount } from './account.ts'
import { type GithubConfig, githubConfig } from './config.ts'
import { discover } from './discover.ts'
import { documents, type Reading } from './documents.ts'
import { inspect } from './inspect.ts'
import { type Deleted, issue, undo } from './issue.ts'
import { issueToken, undoToken } from './installation-token.ts'
import { read, remove, write } from './places.ts'
import { probe } from './probe.ts'
import { resume, revoke, suspend } from './restrict.ts'
import type { Held } from './stored-values.ts'
import { verify } from './verify.ts'

/** An organisation's, or a user's, repositories at GitHub. The README beside this says what each verb does. */
export const github: Connector<GithubConfig> = {
  system: 'github',
  summary:
    'Repositories of an owner at GitHub: who may push, keys, apps, secrets of Actions, comments and logs',
  config: githubConfig,
  async open(config: GithubConfig, io: Io): Promise<Connection> {
    const account = await openAccount(config, io)
    const reading: Reading = { isPartial: false, standing: [], gaps: [], actions: new Set() }
    const held: Held = { written: new Map(), attempts: new Map() }
    const deleted: Deleted = new Map()
    return {
      instance: account.instance,
      settleSeconds: config.settleSeconds,
      async close() {
        for (const secret of held.written.values()) secret.erase()
        for (const { value } of held.attempts.values()) value.erase()
      },
      documents: since => documents(account, since, reading),
      discover: () => discover(account, reading),
      verify: (ref, secret) => verify(account, ref, secret),
      narrowsLike: ['app-installation'],
      // Whoever has a token needs no name beside it; of a deploy key, whoever has the private half needs no name beside it.
      keepsPublicHalf: true,
      // A token that is issued for a task takes no standing one's place.
      cannot: ({ kind }) =>
        kind === 'ssh-key' || kind === 'deploy-key'
          ? []
          : kind === 'app-key' || kind === 'app-installation'
            ? ['issue']
            : ['issue', 'suspend'],
      probe: (trial, held) => probe(account, trial, held),
      inspect: ref => inspect(account, ref, held),
      issue: want => (isOfApp(want) ? issueToken(account, want) : issue(account, want, deleted)),
      undo: want => (isOfApp(want) ? undoToken : undo)(account, want),
      suspend: ref => suspend(account, ref, deleted),
      resume: (ref, before) => resume(account, ref, before),
      revoke: (ref, secret) => revoke(account, ref, secret, deleted),
      read: place => read(account, place, held),
      write: (place, secret) => write(account, place, secret, held),
      remove: place => remove(account, place, held),
    }
  },
}

function isOfApp({ like }: Want): boolean {
  return like?.kind === 'app-installation'
}
