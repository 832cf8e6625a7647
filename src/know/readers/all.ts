import { composeReader } from './compose/compose.ts'
import { dockerfileReader } from './dockerfile/dockerfile.ts'
import { agentSettingsReader } from './agent-settings/agent-settings.ts'
import { awsCredentialReportReader } from './aws-credential-report.ts'
import { awsIamReader } from './aws-iam.ts'
import { awsOrganizationsReader } from './aws-organizations.ts'
import { azureReader } from './azure/azure.ts'
import { azurePipelinesReader } from './azure-pipelines/azure-pipelines.ts'
import { backstageReader } from './backstage/backstage.ts'
import { circleciReader } from './circleci/circleci.ts'
import { codeownersReader } from './codeowners/codeowners.ts'
import { gcpReader } from './gcp/gcp.ts'
import { githubWorkflowReader } from './github-workflow/github-workflow.ts'
import { gitlabCiReader } from './gitlab-ci/gitlab-ci.ts'
import { jenkinsfileReader } from './jenkinsfile/jenkinsfile.ts'
import { kubernetesReader } from './kubernetes/kubernetes.ts'
import { peopleReader } from './people/people.ts'
import { postsReader } from './posts/posts-reader.ts'
import type { Reader } from './reader.ts'
import { reportReader } from './report/report-reader.ts'
import type { Engine } from './secrets/engine.ts'
import { secretsReader } from './secrets/secrets-reader.ts'
import { sshReader } from './ssh/ssh.ts'
import { terraformReader } from './terraform/terraform.ts'
import { tlsTrustReader } from './tls-trust/tls-trust.ts'
import { x509Reader } from './x509/x509.ts'

/** Every reader there is. `secrets` is the engine that the caller compiled from the rules it loaded. */
export function allReaders(secrets: Engine): readonly Reader[] {
  return [
    secretsReader(secrets),
    reportReader(secrets),
    postsReader(secrets),
    awsIamReader,
    awsCredentialReportReader,
    awsOrganizationsReader,
    gcpReader,
    azureReader,
    githubWorkflowReader,
    gitlabCiReader,
    circleciReader,
    azurePipelinesReader,
    jenkinsfileReader,
    terraformReader,
    agentSettingsReader,
    dockerfileReader,
    composeReader,
    kubernetesReader,
    sshReader,
    x509Reader,
    tlsTrustReader,
    codeownersReader,
    backstageReader,
    peopleReader,
  ]
}
