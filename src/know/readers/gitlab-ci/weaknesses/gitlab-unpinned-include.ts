import { items, type Located, member, scalar } from '../../located.ts'
import { isCommit } from '../../github-workflow/workflow.ts'
import type { Weakness } from '../../weakness.ts'
import type { GitlabJob, GitlabPipeline } from '../gitlab-pipeline.ts'

export const gitlabUnpinnedInclude: Weakness<GitlabPipeline, GitlabJob> = {
  id: 'gitlab-unpinned-include',
  title: 'Jobs of another project, by a name that can be moved',
  severity: 'high',
  why: 'Whoever may push there adds commands to every job of this pipeline, with its secrets.',
  fix: 'Name the commit: ref: <full sha>, or component@<full sha>.',
  frameworks: ['NHI3:2025', 'CICD-SEC-3'],
  references: ['https://docs.gitlab.com/ci/yaml/#includeproject', 'https://docs.gitlab.com/ci/components/'],
  *find({ includes, jobs }) {
    // A job may start a pipeline of such files, too.
    const started = jobs.flatMap(job =>
      items(member(job.node, 'trigger', 'include')).map(include => ({ include, job })),
    )
    for (const { include, job } of [...includes.map(include => ({ include, job: undefined })), ...started]) {
      const component = member(include, 'component')
      const ref = component ? (scalar(component) ?? '').split('@')[1] : scalar(member(include, 'ref'))
      const project = component ?? member(include, 'project')
      if (!project || isCommit(ref)) continue
      const what = component ? 'a component' : 'a file of another project'
      yield { line: lineOf(include, project), ...said(ref, what), ...(job && { job }) }
    }
  },
}

function lineOf(include: Located, project: Located): number {
  return member(include, 'ref')?.line ?? project.line
}

function said(ref: string | undefined, what: string): { certainty: 'proven' | 'conditional'; why: string } {
  if (ref === undefined) return { certainty: 'proven', why: `${what}, of whatever is newest there` }
  if (/^(?:~latest|HEAD|main|master|develop(?:ment)?|trunk)$/.test(ref))
    return { certainty: 'proven', why: `${what}, by the branch or version that is newest` }
  return { certainty: 'conditional', why: `${what}, by a name and not by a commit` }
}
