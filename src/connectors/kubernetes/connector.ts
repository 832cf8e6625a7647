import type { Connector } from '../../core/contract/connector.ts'
import type { Ref, State } from '../../core/contract/ref.ts'
import { type Cluster, openCluster } from './cluster.ts'
import { type KubernetesConfig, kubernetesConfig } from './config.ts'
import { discover } from './discover.ts'
import { documents, type Gaps } from './documents.ts'
import { read, remove, write } from './places.ts'
import { probe } from './probe.ts'
import { inspectAccount, issue, revoke, undo } from './tokens.ts'
import { verify } from './verify.ts'
import { inspectWorkload, reload, WORKLOAD_KINDS } from './workloads.ts'

/** Service accounts, their tokens, Secrets and workloads of a Kubernetes cluster. The README beside this says what each verb does. */
export const kubernetes: Connector<KubernetesConfig> = {
  system: 'kubernetes',
  summary: 'Service accounts, roles, Secrets and workloads of a Kubernetes cluster',
  config: kubernetesConfig,
  async open(config, io) {
    const cluster = await openCluster(config, io)
    const gaps: Gaps = new Map()
    return {
      instance: cluster.instance,
      settleSeconds: config.settleSeconds,
      // Every call has a connection of its own, so that none is left to close.
      close: async () => {},
      documents: () => documents(cluster, gaps),
      discover: () => discover(cluster, gaps),
      verify: (ref, secret) => verify(cluster, ref, secret),
      probe: (trial, held) => probe(cluster, trial, held),
      inspect: ref => inspect(cluster, ref),
      issue: want => issue(cluster, want),
      undo: want => undo(cluster, want),
      revoke: (ref, secret) => revoke(cluster, ref, secret),
      read: place => read(cluster, place),
      write: (place, secret) => write(cluster, place, secret),
      remove: place => remove(cluster, place),
      reload: workload => reload(cluster, workload),
    }
  },
}

async function inspect(cluster: Cluster, ref: Ref): Promise<State> {
  if (WORKLOAD_KINDS.includes(ref.kind)) return await inspectWorkload(cluster, ref)
  // A Secret's values are no state that is kept.
  if (ref.kind === 'secret' || ref.kind === 'instance') return { cluster: cluster.instance }
  return await inspectAccount(cluster, ref)
}
