import { member, scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import type { GitlabJob, GitlabPipeline } from '../gitlab-pipeline.ts'

export const gitlabRemoteInclude: Weakness<GitlabPipeline, GitlabJob> = {
  id: 'gitlab-remote-include',
  title: 'Jobs from an address, of whatever stands there',
  severity: 'high',
  why: 'Whoever controls that address adds commands to every job of this pipeline, with its secrets.',
  fix: 'Keep the file in a project of yours, or give its digest with integrity: sha256-…',
  frameworks: ['NHI3:2025', 'CICD-SEC-3'],
  references: ['https://docs.gitlab.com/ci/yaml/#includeremote'],
  *find({ includes }) {
    for (const include of includes) {
      const remote =
        member(include, 'remote') ?? (/^https?:\/\//i.test(scalar(include) ?? '') ? include : undefined)
      if (!remote) continue
      const plain = /^http:\/\//i.test(scalar(remote) ?? '')
      if (member(include, 'integrity') && !plain) continue
      const why = plain ? 'a file comes over plain http' : 'a file comes from an address, without its digest'
      yield { line: remote.line, certainty: 'proven', why }
    }
  },
}
