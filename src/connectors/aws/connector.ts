import type { Connection, Connector } from '../../core/contract/connector.ts'
import type { Io } from '../../core/contract/io.ts'
import { openAccount, type RequestHandler } from './account.ts'
import { type AwsConfig, awsConfig } from './config.ts'
import { discover } from './discover.ts'
import { documents, type Gaps } from './documents.ts'
import { inspect } from './inspect.ts'
import { issue, undo } from './issue.ts'
import { lastUse } from './last-use.ts'
import { read, write } from './places.ts'
import { probe } from './probe.ts'
import { endSessions, freeze, narrow, resume, revoke, suspend, thaw } from './restrict.ts'
import { verify } from './verify.ts'

/** Users, roles, access keys and stored secrets of an AWS account. The README beside this says what each verb does. */
export const aws: Connector<AwsConfig> = {
  system: 'aws',
  summary: 'Users, roles, access keys and stored secrets of an AWS account',
  config: awsConfig,
  open: (config, io) => openAws(config, io),
}

/** A twin in memory hands in what takes the SDK's requests. */
export async function openAws(config: AwsConfig, io: Io, handler?: RequestHandler): Promise<Connection> {
  const account = await openAccount(config, io, handler)
  const gaps: Gaps = new Map()
  return {
    instance: account.instance,
    settleSeconds: config.settleSeconds,
    close: async () => account.close(),
    documents: () => documents(account, gaps),
    discover: () => discover(account, gaps),
    verify: (ref, secret) => verify(account, ref, secret),
    probe: (trial, held) => probe(account, trial, held),
    lastUse: ref => lastUse(account, ref),
    inspect: ref => inspect(account, ref),
    issue: want => issue(account, want),
    undo: want => undo(account, want),
    narrow: (identity, scopes) => narrow(account, identity, scopes),
    suspend: ref => suspend(account, ref),
    resume: (ref, before) => resume(account, ref, before),
    freeze: identity => freeze(account, identity),
    thaw: (identity, before) => thaw(account, identity, before),
    endSessions: (identity, issuedBefore) => endSessions(account, identity, issuedBefore),
    revoke: ref => revoke(account, ref),
    read: place => read(account, place),
    write: (place, secret) => write(account, place, secret),
  }
}
