import { z } from 'zod'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { Ref, State } from '../../core/contract/ref.ts'
import { type ApiObject, type Cluster, mustBeHere } from './cluster.ts'
import { findByUid, type Listed, pathOf, readByName, WORKLOADS } from './listing.ts'

export const WORKLOAD_KINDS: readonly string[] = WORKLOADS.flatMap(({ hides }) => hides)
const RESTARTABLE = ['deployment', 'stateful-set', 'daemon-set']
const RESTARTED_AT = 'kubectl.kubernetes.io/restartedAt'
const LOOK_EVERY_MS = 1000

/** Only what matters to a rollout, by whichever names the kinds of workloads have for it. */
const rolloutSchema = z.looseObject({
  spec: z.looseObject({
    replicas: z.number().optional(),
    updateStrategy: z.looseObject({ type: z.string().optional() }).optional(),
    template: z
      .looseObject({
        metadata: z.looseObject({ annotations: z.record(z.string(), z.string()).nullish() }).nullish(),
      })
      .optional(),
  }),
  status: z
    .looseObject({
      observedGeneration: z.number().optional(),
      replicas: z.number().optional(),
      updatedReplicas: z.number().optional(),
      availableReplicas: z.number().optional(),
      readyReplicas: z.number().optional(),
      desiredNumberScheduled: z.number().optional(),
      updatedNumberScheduled: z.number().optional(),
      numberAvailable: z.number().optional(),
    })
    .optional(),
})

/** When it was last restarted, and by how many it runs. */
export async function inspectWorkload(cluster: Cluster, ref: Ref): Promise<State> {
  const found = await findWorkload(cluster, ref)
  if (!found) return null
  const { namespace = '', name, generation = 0 } = found.object.metadata
  const read = rolloutSchema.safeParse(found.object)
  const annotations = read.success ? read.data.spec.template?.metadata?.annotations : undefined
  return {
    present: true,
    namespace,
    name,
    generation,
    restartedAt: annotations?.[RESTARTED_AT] ?? null,
  }
}

/**
 * Restarts all its pods, a few at a time as its own strategy says, and waits until the new ones are there: what
 * `kubectl rollout restart` and `rollout status` do. What runs anew each time reads its secrets each time.
 */
export async function reload(cluster: Cluster, workload: Ref): Promise<void> {
  mustBeHere(cluster, workload, ...WORKLOAD_KINDS)
  const found = await findWorkload(cluster, workload)
  if (!found) throw new FirebreakError('NOT_FOUND', 'the workload is not there any more')
  if (workload.kind === 'cron-job') return
  const { namespace = '', name } = found.object.metadata
  if (!RESTARTABLE.includes(workload.kind))
    throw new FirebreakError(
      'UNSUPPORTED',
      `nothing restarts the ${workload.kind} ${namespace}/${name}`,
      'Delete its pods by hand, and see that they are made anew.',
    )
  await cluster.change('restarting a workload', async () => {
    const path = pathOf(found.listed, namespace, name)
    const at = cluster.io.now().toISOString()
    await cluster.ask(
      {
        method: 'PATCH',
        path,
        type: 'application/merge-patch+json',
        body: {
          metadata: { uid: workload.id },
          spec: { template: { metadata: { annotations: { [RESTARTED_AT]: at } } } },
        },
      },
      `restarting ${namespace}/${name}`,
    )
    await rolledOut(cluster, found.listed, namespace, name)
  })
}

async function rolledOut(cluster: Cluster, listed: Listed, namespace: string, name: string): Promise<void> {
  const end = cluster.io.now().getTime() + cluster.config.rolloutSeconds * 1000
  for (;;) {
    const object = await readByName(cluster, listed, namespace, name)
    if (!object) throw new FirebreakError('NOT_FOUND', `${namespace}/${name} is not there any more`)
    if (isRolledOut(object)) return
    if (cluster.io.now().getTime() >= end)
      throw new FirebreakError(
        'UNREACHABLE',
        `${namespace}/${name} has not come up anew in ${cluster.config.rolloutSeconds} s`,
        `See why: kubectl -n ${namespace} rollout status ${listed.resource}/${name}. What ran before may still run.`,
      )
    await cluster.io.sleep(LOOK_EVERY_MS)
  }
}

function isRolledOut(object: ApiObject): boolean {
  const read = rolloutSchema.safeParse(object)
  if (!read.success) return false
  const { spec, status = {} } = read.data
  if ((status.observedGeneration ?? 0) < (object.metadata.generation ?? 0)) return false
  // Its pods are replaced by whoever deletes them.
  if (spec.updateStrategy?.type === 'OnDelete') return false
  if (status.desiredNumberScheduled !== undefined) {
    const wanted = status.desiredNumberScheduled
    return (status.updatedNumberScheduled ?? 0) >= wanted && (status.numberAvailable ?? 0) >= wanted
  }
  const wanted = spec.replicas ?? 1
  const [updated, all] = [status.updatedReplicas ?? 0, status.replicas ?? 0]
  // Not one of the old ones is left.
  return (
    updated >= wanted && all <= updated && (status.availableReplicas ?? status.readyReplicas ?? 0) >= wanted
  )
}

async function findWorkload(
  cluster: Cluster,
  ref: Ref,
): Promise<{ listed: Listed; object: ApiObject } | undefined> {
  mustBeHere(cluster, ref, ...WORKLOAD_KINDS)
  const listed = WORKLOADS.find(({ hides }) => hides.includes(ref.kind))!
  const named = await findByUid(cluster, listed, ref.id)
  if (!named) return undefined
  const { namespace = '', name, uid } = named.metadata
  const object = await readByName(cluster, listed, namespace, name)
  return object?.metadata.uid === uid ? { listed, object } : undefined
}
