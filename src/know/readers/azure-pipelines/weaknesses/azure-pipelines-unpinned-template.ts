import { member, scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import type { AzureJob, AzurePipeline } from '../azure-pipeline.ts'

export const azurePipelinesUnpinnedTemplate: Weakness<AzurePipeline, AzureJob> = {
  id: 'azure-pipelines-unpinned-template',
  title: 'Templates of another repository, by a branch',
  severity: 'high',
  why: 'Whoever may push there adds steps to this pipeline, with its service connections and secrets.',
  fix: 'Name a commit, or a tag that is protected, as the repository’s ref.',
  frameworks: ['NHI3:2025', 'CICD-SEC-3'],
  references: ['https://learn.microsoft.com/en-us/azure/devops/pipelines/process/templates'],
  *find({ repositories, templates }) {
    const used = new Set(templates.flatMap(template => scalar(template)?.split('@')[1] ?? []))
    for (const repository of repositories) {
      const alias = scalar(member(repository, 'repository'))
      const ref = member(repository, 'ref')
      const text = scalar(ref) ?? ''
      if (alias === undefined || /^(?:[0-9a-f]{40}|refs\/tags\/.+)$/i.test(text)) continue
      const why = ref
        ? `what is taken from ${alias} is whatever its branch holds`
        : `what is taken from ${alias} is whatever its default branch holds`
      yield {
        line: ref?.line ?? repository.line,
        // It may only be checked out, or not used at all.
        certainty: used.has(alias) ? 'proven' : 'potential',
        why,
      }
    }
  },
}
