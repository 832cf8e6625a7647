import { items, member, scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import type { GitlabJob, GitlabPipeline } from '../gitlab-pipeline.ts'

const HOLDS =
  /(?:^|\/)(?:\.env(?:\.[\w-]+)?|\.npmrc|\.netrc|\.pypirc|kubeconfig|\.kube|\.aws|\.ssh|\.docker|[^/]*\.tfstate[^/]*|[^/]*\.tfplan|tfplan|plan\.(?:tfplan|cache|out)|[^/]*\.(?:pem|key|p12|pfx|jks|kdbx)|id_(?:rsa|ed25519|ecdsa)|credentials(?:\.json)?|[^/]*service[-_]?account[^/]*\.json)$/i

export const gitlabArtifactWithSecrets: Weakness<GitlabPipeline, GitlabJob> = {
  id: 'gitlab-artifact-with-secrets',
  title: 'An artifact holds credentials',
  severity: 'high',
  why: 'Whoever may read the pipeline can download it, for as long as it is kept.',
  fix: 'Leave such files out of artifacts; where another job needs one, let it fetch it itself, or set access: none and a short expire_in.',
  frameworks: ['NHI2:2025', 'CICD-SEC-6'],
  references: ['https://docs.gitlab.com/ci/yaml/#artifactsaccess'],
  *find({ jobs }) {
    for (const job of jobs) {
      const artifacts = member(job.node, 'artifacts')
      if (scalar(member(artifacts, 'access')) === 'none') continue
      for (const path of items(member(artifacts, 'paths'))) {
        const text = (scalar(path) ?? '').replace(/\/+\**$/, '')
        if (HOLDS.test(text))
          yield {
            line: path.line,
            certainty: 'conditional',
            why: `${job.id} keeps a file that holds credentials as an artifact`,
            job,
          }
      }
      const untracked = member(artifacts, 'untracked')
      if (scalar(untracked) === 'true')
        yield {
          line: untracked!.line,
          certainty: 'conditional',
          why: `${job.id} keeps every file that it makes as an artifact`,
          job,
        }
    }
  },
}
