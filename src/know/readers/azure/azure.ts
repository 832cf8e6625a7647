import type { Observation } from '../../../core/contract/observation.ts'
import { headText } from '../head-text.ts'
import { itemsIn } from '../json-items.ts'
import type { Reader } from '../reader.ts'
import { wholeText } from '../whole-text.ts'
import { Names } from './names.ts'
import { Telling } from './telling.ts'

/**
 * What the Azure CLI prints as JSON, each answer in a file of its own, and what the connector asks Microsoft Graph and Azure Resource
 * Manager for, an answer on each line:
 * - `az ad sp list`, `az ad app list`, `az identity list`, `az account list`, `az account management-group entities list`
 * - `az role assignment list --all`, `az role definition list`, deny assignments, `az resource list`, `az keyvault list`, `az aks list`
 * - `az rest` of the directory's roles, permissions of applications, and delegated permissions
 * - `az identity federated-credential list`, and `az ad app federated-credential list` with the client id in the file's name:
 *   `federated-credential-list-CLIENTID.json`
 *
 * Who may do what is kept as `azure-rbac`, `entra-roles` and `entra-permissions`; what a role permits is a fact of it.
 */
export const azureReader: Reader = {
  format: 'azure',
  reads({ format }, head) {
    if (format !== undefined) return format === 'azure'
    const text = headText(head)
    if (!/^(?:\xef\xbb\xbf)?\s*[[{]/.test(text) || !MARKS.some(mark => mark.test(text))) return false
    // Others have issuers, too.
    return (
      !text.includes('"issuer"') || /"audiences"|"claimsMatchingExpression"|"servicePrincipalType"/.test(text)
    )
  },
  async *read(document, bytes) {
    const text = await wholeText(bytes, MOST_BYTES)
    if (text === undefined) {
      yield gap(document.path, `it has more than ${MOST_BYTES / 2 ** 20} MiB`)
      return
    }
    const { items, broken } = itemsIn(text)
    for (const where of broken) yield gap(`${document.path}${where}`, 'it is no whole JSON')
    const telling = new Telling(new Names(document.in), document.path)
    for (const [index, item] of items.entries()) {
      const told = telling.item(item)
      if (typeof told === 'string') yield gap(`${document.path}#${index}`, told)
      else yield* told
    }
    yield* telling.policies()
  },
}

const MOST_BYTES = 256 * 2 ** 20

const MARKS: readonly RegExp[] = [
  /"servicePrincipalType"\s*:/,
  /"signInAudience"\s*:/,
  /"roleDefinitionName"\s*:/,
  /"(?:denyAssignmentName|rolePermissions|directoryScopeId|appRoleId|parentNameChain)"\s*:/,
  /"consentType"\s*:\s*"(?:AllPrincipals|Principal)"/,
  /"issuer"\s*:\s*"https:/,
  /"id"\s*:\s*"(?:\/subscriptions\/[^"/]+)?\/providers\/Microsoft\.Authorization\/role(?:Definitions|Assignments)\//i,
  /"id"\s*:\s*"\/subscriptions\/[^"]+\/providers\/Microsoft\.[A-Za-z]+\//i,
  /"environmentName"\s*:\s*"Azure/,
]

function gap(scope: string, why: string): Observation {
  return { see: 'covered', scope: `azure:${scope}`, complete: false, why, failed: true }
}
