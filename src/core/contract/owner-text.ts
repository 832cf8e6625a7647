import type { Facts, Observation } from './observation.ts'
import type { Ref } from './ref.ts'

/** Whose a thing is, and what it is a part of, as tags, labels, annotations and descriptions say it. */
type Told = Extract<Observation, { see: 'owner' | 'edge' }> | Described

/** What is said of it besides: a thing that is told as a resource as well stays what it is. */
interface Described {
  readonly see: 'resource'
  readonly ref: Ref
  readonly names: string[]
  readonly facts: Facts
}

/** How much a word says, of 1: who is told to own it is asked before who is to be contacted. */
const OWNER_KEYS: Readonly<Record<string, number>> = {
  owner: 0.75,
  owners: 0.75,
  ownedby: 0.75,
  owneremail: 0.75,
  ownerteam: 0.75,
  teamowner: 0.75,
  serviceowner: 0.75,
  technicalowner: 0.7,
  productowner: 0.6,
  businessowner: 0.6,
  team: 0.75,
  teamname: 0.75,
  squad: 0.75,
  tribe: 0.4,
  responsible: 0.7,
  accountable: 0.7,
  maintainer: 0.65,
  maintainers: 0.65,
  steward: 0.6,
  contact: 0.6,
  contactemail: 0.6,
  oncall: 0.6,
  pagerduty: 0.4,
  createdby: 0.3,
  addedby: 0.35,
}
/** Keys by which a thing says of which service it is a part. */
const PART_KEYS = new Set([
  'service',
  'servicename',
  'app',
  'appname',
  'application',
  'applicationname',
  'component',
  'microservice',
  'k8sapp',
  'kubernetesid',
])
/** `app.kubernetes.io/name`, by its whole name: `name` alone is the thing's own. */
const PART_NAMES = new Set([
  'app.kubernetes.io/name',
  'app.kubernetes.io/instance',
  'backstage.io/kubernetes-id',
])
/** Keys that describe it, by the fact that they give. */
const FACT_KEYS: Readonly<Record<string, string>> = {
  purpose: 'purpose',
  usage: 'purpose',
  usedfor: 'purpose',
  environment: 'environment',
  env: 'environment',
  stage: 'environment',
  expires: 'expiry',
  expiry: 'expiry',
  expireson: 'expiry',
  expirydate: 'expiry',
  expirationdate: 'expiry',
  dataclass: 'dataClass',
  dataclassification: 'dataClass',
  classification: 'dataClass',
  confidentiality: 'dataClass',
  nhiclass: 'class',
  identityclass: 'class',
  accountclass: 'class',
  vendor: 'vendor',
  supplier: 'vendor',
  vendorcontact: 'vendorContact',
  suppliercontact: 'vendorContact',
}
const MOST_LENGTH = 200
const MOST_TEXT = 2000

/** All that tags, labels or annotations say of it; `what` is how these are called there: `AWS tag`. */
export function* ownersInTags(
  of: Ref,
  tags: Iterable<readonly [string, string]>,
  what: string,
): Generator<Told> {
  for (const [key, value] of tags) {
    const text = value.trim()
    if (text === '' || text.length > MOST_LENGTH) continue
    const word = wordOf(key)
    const fact = FACT_KEYS[word]
    if (fact !== undefined) yield { see: 'resource', ref: of, names: [], facts: { [fact]: { value: text } } }
    const known = ownerWord(word)
    if (known !== undefined)
      yield {
        see: 'owner',
        of,
        owner: text,
        source: `${what} ${key.slice(0, MOST_LENGTH)}`,
        weight: OWNER_KEYS[known]!,
      }
    else if (PART_NAMES.has(key) || PART_KEYS.has(word))
      yield {
        see: 'edge',
        from: of,
        to: componentRef(text),
        crossing: 'part-of',
        certainty: 'conditional',
        when: `the ${what} is true`,
        why: `its ${what} ${key.slice(0, MOST_LENGTH)} is ${text}`,
      }
  }
}

/** The same of what a person wrote as a sentence: `Owner: payments, used by orders-api`, `team=payments service=orders-api`. */
export function* ownersInText(of: Ref, text: string | null | undefined, what: string): Generator<Told> {
  for (const part of (text ?? '').slice(0, MOST_TEXT).split(/[;,|\n]|\.(?=\s|$)/)) {
    const keys = [...part.matchAll(/(?<![\w-])([A-Za-z][\w-]{0,30})\s{0,3}[:=](?!\/)/g)]
    // A value ends where the next key begins.
    const pairs = keys.map(({ 0: whole, 1: key = '', index }, at): [string, string] => [
      key,
      part.slice(index + whole.length, keys[at + 1]?.index).trim(),
    ])
    yield* ownersInTags(of, pairs, what)
  }
}

/** A service by the name that texts have for it; a catalog tells of it by that name. */
export function componentRef(name: string): Ref {
  const id = name.toLowerCase().replace(/^component:/, '')
  return {
    system: 'backstage',
    instance: 'catalog',
    kind: 'component',
    id: id.includes('/') ? id : `default/${id}`,
  }
}

/** `acme.example/Service-Owner` → `serviceowner` */
function wordOf(key: string): string {
  return key
    .slice(key.lastIndexOf('/') + 1)
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '')
}

/** The word that is meant: one where two neighbouring letters changed places, or one is missing, is no other. */
function ownerWord(word: string): string | undefined {
  if (Object.hasOwn(OWNER_KEYS, word)) return word
  if (word.length > 8) return undefined
  return ['owner', 'team', 'squad', 'contact'].find(meant => isMisspelt(word, meant))
}

function isMisspelt(word: string, meant: string): boolean {
  if (word.length === meant.length) {
    const at = [...meant].findIndex((letter, index) => letter !== word[index])
    return (
      at >= 0 &&
      at + 1 < meant.length &&
      word === meant.slice(0, at) + meant[at + 1]! + meant[at]! + meant.slice(at + 2)
    )
  }
  return (
    meant.length > 4 &&
    word.length === meant.length - 1 &&
    [...meant].some((_, index) => meant.slice(0, index) + meant.slice(index + 1) === word)
  )
}
