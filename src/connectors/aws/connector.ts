import type { Connection, Connector } from '../../core/contract/connector.ts'
import type { Io } from '../../core/contract/io.ts'
import { openAccount, type RequestHandler } from './account.ts'
import { type AwsConfig, awsConfig } from './config.ts'
import { discover } from './discover.ts'
import { documents, type Gaps } from './documents.ts'
import { inspect } from './inspect.ts'
import { issue, undo } from './issue.ts'
import { lastUse } from './last-use.ts'
import { read, remove, write } from './places.ts'
import { probe } from './probe.ts'
import { endSessions, freeze, narrow, resume, revoke, suspend, thaw } from './restrict.ts'
import { beginSession, endSession, inspectSession, isSession, undoSession, verifySession } from './session.ts'
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
    narrowsLike: ['role'],
    endsAlone: ['session'],
    cannot: ref => (isSession(ref) ? ['issue', 'rotate', 'suspend'] : []),
    close: async () => account.close(),
    documents: () => documents(account, gaps),
    discover: () => discover(account, gaps),
    verify: (ref, secret) => (isSession(ref) ? verifySession : verify)(account, ref, secret),
    probe: (trial, held) => probe(account, trial, held),
    lastUse: ref => lastUse(account, ref),
    inspect: ref => (isSession(ref) ? inspectSession : inspect)(account, ref),
    issue: want => (want.like?.kind === 'role' ? beginSession : issue)(account, want),
    undo: want => (want.like?.kind === 'role' ? undoSession : undo)(account, want),
    narrow: (identity, scopes) => narrow(account, identity, scopes),
    suspend: ref => suspend(account, ref),
    resume: (ref, before) => resume(account, ref, before),
    freeze: identity => freeze(account, identity),
    thaw: (identity, before) => thaw(account, identity, before),
    endSessions: (identity, issuedBefore) =>
      isSession(identity) ? endSession(account, identity) : endSessions(account, identity, issuedBefore),
    revoke: ref => (isSession(ref) ? endSession : revoke)(account, ref),
    read: place => read(account, place),
    write: (place, secret) => write(account, place, secret),
    remove: place => remove(account, place),
  }
}
