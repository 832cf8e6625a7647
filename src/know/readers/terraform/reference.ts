import type { Ref } from '../../../core/contract/ref.ts'
import type { Located } from '../located.ts'
import { member, scalar } from '../located.ts'
import { withinRepository } from '../within-repository.ts'
import { namedIn, type TerraformFile } from './module.ts'

/** What is addressed within a module: a resource, a variable, what another module gives out. */
const REFERENCE =
  /(?<![\w.])(?:(?:data\.)?[a-z][a-z0-9]*_[a-z0-9_]+\.[A-Za-z_][\w-]*|(?:var|local)\.[A-Za-z_][\w-]*|module\.[A-Za-z_][\w-]*(?:\[[^\]]{0,80}\])?\.[A-Za-z_][\w-]*)/g

/** All that an expression or a template speaks of, variables and modules too. */
export function referencesIn(located: Located | undefined): string[] {
  return namedIn(located, REFERENCE)
}

/** A folder is a module: what is addressed in it is one thing, in whichever of its files. */
export function folderOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '.'
}

export function addressRef(repository: Ref, folder: string, address: string): Ref {
  return withinRepository(repository, 'terraform-resource', `${folder}#${address}`)
}

/** A module that the file uses, whose files lie in the same repository. */
export interface LocalModule {
  readonly name: string
  readonly folder: string
  readonly line: number
  readonly body: Located
}

const modulesOf = new WeakMap<TerraformFile, readonly LocalModule[]>()

export function localModulesOf(file: TerraformFile): readonly LocalModule[] {
  const modules = modulesOf.get(file) ?? foundModules(file)
  modulesOf.set(file, modules)
  return modules
}

function foundModules({ path, blocks }: TerraformFile): LocalModule[] {
  return blocks.flatMap(({ type, labels, line, body }) => {
    const source = type === 'module' ? scalar(member(body, 'source')) : undefined
    const folder = source === undefined ? undefined : within(folderOf(path), source)
    return folder === undefined ? [] : [{ name: labels[0] ?? '', folder, line, body }]
  })
}

/** `./modules/app` from a folder; undefined for what is no path, or leads out of the repository. */
function within(folder: string, source: string): string | undefined {
  if (!/^\.\.?(?:\/|$)/.test(source)) return undefined
  const steps = folder === '.' ? [] : folder.split('/')
  for (const step of source.split('/')) {
    if (step === '..' && steps.pop() === undefined) return undefined
    if (step !== '..' && step !== '.' && step !== '') steps.push(step)
  }
  return steps.length === 0 ? '.' : steps.join('/')
}

/** As it is one thing across files: what a module gives out stands in the module. */
export function referenceRef(
  repository: Ref,
  folder: string,
  modules: readonly LocalModule[],
  reference: string,
): Ref {
  const [, name, output] = /^module\.([\w-]+)(?:\[.*\])?\.([\w-]+)$/.exec(reference) ?? []
  const module = name === undefined ? undefined : modules.find(one => one.name === name)
  return module && output !== undefined
    ? addressRef(repository, module.folder, `output.${output}`)
    : addressRef(repository, folder, reference)
}
