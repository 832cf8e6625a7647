import type { Ref } from '../../../core/contract/ref.ts'
import { awsRole, entraPrincipal, serviceAccount } from '../cloud-role.ts'
import { type Located, scalar } from '../located.ts'
import { commandsOf, withVariables } from './command.ts'
import type { Pipeline, PipelineJob, Reach } from './pipeline.ts'

const OPTION = (name: string) => new RegExp(`(?:${name})(?:[ =]+)["']?([^\\s"']+)`)
const ROLE = OPTION('--role-arn')
const IMPERSONATED = OPTION('--service-account|--impersonate-service-account')
const CLIENT = OPTION('(?:\\s-u|--username|--client-id)')
const TENANT = OPTION('(?:\\s-t|--tenant)')

/**
 * The cloud identities that a job's scripts take on with the run's own token, or with whatever it holds by then: named
 * outright, or by a variable that the file gives.
 */
export function cloudLogins(pipeline: Pipeline, job: PipelineJob): Reach[] {
  const found = new Map<string, Reach>()
  const add = (to: Ref | undefined, line: number, own: boolean, why: string) => {
    if (!to || found.has(to.id)) return
    found.set(to.id, {
      to,
      crossing: own ? 'federates-into' : 'may-assume',
      certainty: 'conditional',
      when: own
        ? 'it trusts the OpenID Connect subject of these runs'
        : 'the credentials that the job has by then may assume it',
      why: `${why} (line ${line})`,
    })
  }
  for (const script of job.scripts)
    for (const { line, text: written } of commandsOf(script)) {
      const text = withVariables(written, job.variables, pipeline.variables)
      const role = /\bassume-role/.test(text) ? ROLE.exec(text)?.[1] : undefined
      if (role !== undefined) {
        const own = text.includes('assume-role-with-web-identity')
        add(awsRole(role), line, own, own ? 'it logs in as it with the run’s own token' : 'it assumes it')
      }
      const account = /\bgcloud\b/.test(text) ? IMPERSONATED.exec(text)?.[1] : undefined
      if (account !== undefined) {
        const own = /create-cred-config|workload-identity/.test(text)
        const why = own ? 'it logs in as it with the run’s own token' : 'it impersonates it'
        add(serviceAccount(account), line, own, why)
      }
      if (/\baz\s+login\b/.test(text) && text.includes('--federated-token')) {
        const principal = entraPrincipal(CLIENT.exec(text)?.[1], TENANT.exec(text)?.[1])
        add(principal, line, true, 'it logs in as it with the run’s own token')
      }
    }
  // The SDKs take a role from the environment, with the token's file beside it.
  for (const variables of [job.variables, pipeline.variables]) {
    const arn: Located | undefined = variables.get('AWS_ROLE_ARN')
    const role = awsRole(scalar(arn) ?? '')
    const own = [job.variables, pipeline.variables].some(given => given.has('AWS_WEB_IDENTITY_TOKEN_FILE'))
    if (role) add(role, arn!.line, own, 'its environment names it')
  }
  return [...found.values()]
}
