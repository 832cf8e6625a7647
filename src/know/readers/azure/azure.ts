import type { Observation } from '../../../core/contract/observation.ts'
import type { Reader } from '../reader.ts'
import { wholeText } from '../whole-text.ts'
import { tellItem } from './telling.ts'

/**
 * What the Azure CLI prints as JSON, each answer in a file of its own: `az ad sp list`, `az ad app list`, `az role assignment
 * list --all`, `az identity list`, `az keyvault list`, `az account list`, `az identity federated-credential list`, and `az ad app
 * federated-credential list` with the client id in the file's name: `federated-credential-list-CLIENTID.json`.
 */
export const azureReader: Reader = {
  format: 'azure',
  reads({ format }, head) {
    if (format !== undefined) return format === 'azure'
    const text = Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString('latin1')
    if (!/^(?:\xef\xbb\xbf)?\s*[[{]/.test(text) || !MARKS.some(mark => mark.test(text))) return false
    // Others have issuers, too.
    return (
      !text.includes('"issuer"') || /"audiences"|"claimsMatchingExpression"|"servicePrincipalType"/.test(text)
    )
  },
  async *read(document, bytes) {
    const text = await wholeText(bytes, MOST_BYTES)
    let parsed: unknown
    try {
      parsed = JSON.parse(text ?? '')
    } catch {
      yield gap(document.path, 'it looks like an answer of the Azure CLI, and is no whole JSON')
      return
    }
    for (const [index, item] of [parsed].flat().entries()) {
      const told = tellItem(item, document.path)
      if (typeof told === 'string') yield gap(`${document.path}#${index}`, told)
      else yield* told
    }
  },
}

const MOST_BYTES = 256 * 2 ** 20

const MARKS: readonly RegExp[] = [
  /"servicePrincipalType"\s*:/,
  /"signInAudience"\s*:/,
  /"roleDefinitionName"\s*:/,
  /"issuer"\s*:\s*"https:/,
  /"id"\s*:\s*"\/subscriptions\/[^"]+\/(?:userAssignedIdentities|vaults)\//i,
  /"environmentName"\s*:\s*"Azure/,
]

function gap(scope: string, why: string): Observation {
  return { see: 'covered', scope: `azure:${scope}`, complete: false, why, failed: true }
}
