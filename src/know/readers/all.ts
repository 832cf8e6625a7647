import { awsCredentialReportReader } from './aws-credential-report.ts'
import { awsIamReader } from './aws-iam.ts'
import { awsOrganizationsReader } from './aws-organizations.ts'
import { githubWorkflowReader } from './github-workflow/github-workflow.ts'
import { kubernetesReader } from './kubernetes/kubernetes.ts'
import type { Reader } from './reader.ts'
import { reportReader } from './report/report-reader.ts'
import type { Engine } from './secrets/engine.ts'
import { secretsReader } from './secrets/secrets-reader.ts'

/** Every reader there is. `secrets` is the engine that the caller compiled from the rules it loaded. */
export function allReaders(secrets: Engine): readonly Reader[] {
  return [
    secretsReader(secrets),
    reportReader(secrets),
    awsIamReader,
    awsCredentialReportReader,
    awsOrganizationsReader,
    githubWorkflowReader,
    kubernetesReader,
  ]
}
