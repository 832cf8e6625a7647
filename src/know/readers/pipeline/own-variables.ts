import type { Ref } from '../../../core/contract/ref.ts'
import { type Located, lineAt, scalar } from '../located.ts'
import { variablesIn } from './command.ts'
import { isSecretName, type Pipeline, type PipelineJob, type Reach } from './pipeline.ts'
import { withinRepository } from '../within-repository.ts'

/** Secrets that scripts speak of and the file gives no value: they are kept where the system keeps variables. */
export function ownVariables(
  repository: Ref,
  pipeline: Pipeline,
  job: PipelineJob,
  { known, when }: { readonly known: (name: string) => boolean; readonly when: string },
): Reach[] {
  const names = new Map<string, number>()
  const see = (located: Located) => {
    const text = scalar(located) ?? ''
    for (const name of variablesIn(text))
      if (isSecretName(name) && !known(name) && !names.has(name))
        names.set(name, lineAt(located, Math.max(0, text.indexOf(name))))
  }
  for (const script of job.scripts) see(script)
  for (const value of job.variables.values()) see(value)
  return [...names].flatMap(([name, line]) => {
    const own = job.variables.get(name) ?? pipeline.variables.get(name)
    if (own && !(scalar(own) ?? '').includes(name)) return []
    return [
      {
        to: withinRepository(repository, 'ci-variable', name),
        names: [name],
        crossing: 'reads-secret',
        certainty: 'conditional' as const,
        when,
        why: `${job.id} reads the variable ${name} (line ${line})`,
      },
    ]
  })
}
