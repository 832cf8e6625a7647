import type { Observation } from '../../../core/contract/observation.ts'
import type { Ref } from '../../../core/contract/ref.ts'
import { awsRole, serviceAccount } from '../cloud-role.ts'
import { type Located, members } from '../located.ts'
import { type TerraformFile, textOf } from './module.ts'
import { addressRef, folderOf, localModulesOf, referenceRef, referencesIn } from './reference.ts'

/** What a module’s block says to Terraform, and not to the module. */
const META = new Set(['source', 'version', 'providers', 'count', 'for_each', 'depends_on', ''])

/**
 * What variables, locals and outputs stand for, so that modules of several files are one: a variable of a module that lies in the
 * same repository is what the block that uses the module gives it. An alias is followed both ways, since it is the same thing; of a
 * module that is used several times, only from the variable to what it is given.
 */
export function* readModules(repository: Ref, file: TerraformFile): Generator<Observation> {
  const folder = folderOf(file.path)
  const modules = localModulesOf(file)
  const aliases: Alias[] = []
  for (const module of modules) {
    const isOne = modules.filter(other => other.folder === module.folder).length === 1
    for (const [name, value] of members(module.body))
      if (!META.has(name)) aliases.push({ folder: module.folder, address: `var.${name}`, value, isOne })
  }
  for (const { type, labels, body } of file.blocks) {
    const value = type === 'output' ? members(body).get('value') : undefined
    if (value) aliases.push({ folder, address: `output.${labels[0] ?? ''}`, value, isOne: true })
  }
  for (const [address, value] of file.given) aliases.push({ folder, address, value, isOne: true })
  for (const { value, isOne, ...alias } of aliases) {
    const from = addressRef(repository, alias.folder, alias.address)
    const literal = literalOf(textOf(file, value))
    const named = [...new Set(referencesIn(value))].map(reference =>
      referenceRef(repository, folder, modules, reference),
    )
    const targets = literal ? [literal] : named
    if (targets.length === 0) continue
    yield { see: 'resource', ref: from, names: [`${alias.address} (${alias.folder})`], facts: {} }
    for (const to of targets) {
      const line = value.keyLine ?? value.line
      const said = { see: 'edge', crossing: 'stands-for', why: `${file.path}:${line} gives it` } as const
      if (isOne) yield { ...said, from, to, certainty: 'proven' }
      else yield { ...said, from, to, certainty: 'conditional', when: 'this use of the module is meant' }
      if (isOne && targets.length === 1) yield { ...said, from: to, to: from, certainty: 'proven' }
    }
  }
}

interface Alias {
  readonly folder: string
  readonly address: string
  readonly value: Located
  readonly isOne: boolean
}

/** A principal that is named as its cloud names it. */
function literalOf(text: string | undefined): Ref | undefined {
  return text === undefined ? undefined : (awsRole(text) ?? serviceAccount(text))
}
