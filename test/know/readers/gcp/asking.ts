import type { Document } from '../../../../src/core/contract/document.ts'
import type { Observation } from '../../../../src/core/contract/observation.ts'
import { gcpReader } from '../../../../src/know/readers/gcp/gcp.ts'

/** What the reader tells of a text, or of what is its JSON. */
export async function readGcp(content: unknown, path = 'export.json'): Promise<Observation[]> {
  const bytes = Buffer.from(typeof content === 'string' ? content : JSON.stringify(content))
  async function* chunks() {
    yield bytes
  }
  const seen: Observation[] = []
  for await (const one of gcpReader.read({ path } as unknown as Document, chunks())) seen.push(one)
  return seen
}

export const takesGcp = (content: unknown) =>
  gcpReader.reads(
    { path: 'export.json' },
    Buffer.from(typeof content === 'string' ? content : JSON.stringify(content)).subarray(0, 8192),
  )

export const NUMBER = '498712345678'
export const PROJECT = 'acme-prod'
const DEPLOYER_ID = '108402001111222233334'

export const email = (name: string, project = PROJECT) => `${name}@${project}.iam.gserviceaccount.com`
export const account = (name: string, uniqueId: string = DEPLOYER_ID) => ({
  name: `projects/${PROJECT}/serviceAccounts/${email(name)}`,
  projectId: PROJECT,
  uniqueId,
  email: email(name),
  displayName: `the ${name}`,
})
export const project = {
  projectId: PROJECT,
  projectNumber: NUMBER,
  name: 'Production',
  lifecycleState: 'ACTIVE',
  parent: { type: 'folder', id: '77' },
}
export const pool = `projects/${NUMBER}/locations/global/workloadIdentityPools/ci`
export const provider = (
  attributeCondition?: string,
  issuerUri = 'https://token.actions.githubusercontent.com',
) => ({
  name: `${pool}/providers/github`,
  state: 'ACTIVE',
  attributeMapping: { 'google.subject': 'assertion.sub', 'attribute.repository': 'assertion.repository' },
  ...(attributeCondition !== undefined && { attributeCondition }),
  oidc: { issuerUri },
})
export const asset = (name: string, assetType: string, more: object) => ({
  name: `//${name}`,
  assetType,
  ancestors: name.includes('/organizations/')
    ? ['organizations/9']
    : [`projects/${NUMBER}`, 'folders/77', 'organizations/9'],
  ...more,
})
export const projectAsset = asset(
  `cloudresourcemanager.googleapis.com/projects/${NUMBER}`,
  'cloudresourcemanager.googleapis.com/Project',
  { resource: { data: project } },
)
export const policyOn = (name: string, ...bindings: object[]) =>
  asset(name, 'any', { iamPolicy: { bindings, etag: 'x' } })
export const binding = (role: string, member: string, condition?: object) => ({
  role,
  members: [member],
  ...(condition && { condition }),
})
