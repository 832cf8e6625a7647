import type { Connector } from '../../core/contract/connector.ts'
import { inspect } from './accounts.ts'
import { type GcpConfig, gcpConfig } from './config.ts'
import { discover, documents, type Gaps } from './documents.ts'
import { issue, resume, revoke, suspend, undo, verify } from './keys.ts'
import { openProject } from './project.ts'
import { read, remove, write } from './stored.ts'

/** Service accounts, their keys and stored secrets of a Google Cloud project. The README beside this says what each verb does. */
export const gcp: Connector<GcpConfig> = {
  system: 'gcp',
  summary: 'Service accounts, keys, policies and secrets of a Google Cloud project',
  config: gcpConfig,
  async open(config, io) {
    const project = await openProject(config, io)
    const gaps: Gaps = new Map()
    return {
      instance: project.instance,
      settleSeconds: config.settleSeconds,
      // Every call has a connection of its own, so that none is left to close.
      close: async () => {},
      documents: () => documents(project, gaps),
      discover: () => discover(project, gaps),
      verify: (ref, secret) => verify(project, ref, secret),
      inspect: ref => inspect(project, ref),
      issue: want => issue(project, want),
      undo: want => undo(project, want),
      suspend: ref => suspend(project, ref),
      resume: (ref, before) => resume(project, ref, before),
      revoke: (ref, secret) => revoke(project, ref, secret),
      read: place => read(project, place),
      write: (place, secret) => write(project, place, secret),
      remove: place => remove(project, place),
    }
  },
}
