import { isMap, isSeq, parseDocument, stringify } from 'yaml'
import type { Proof } from './proof.ts'

/** A workload that uses what is replaced, how that is known, and how it proves who it is. */
export interface Replaced {
  readonly name: string
  readonly why: string
  readonly proof: Proof
}

/** What stands in for a standing secret: texts of the broker's files. */
export interface Replacement {
  readonly lease: {
    readonly name: string
    readonly like: string
    readonly ttl: string
    readonly maxTtl: string
  }
  readonly users: readonly Replaced[]
}

/** The policies, in Cedar: one for each that uses it, and none for anybody else. */
export function policyText({ lease, users }: Replacement): string {
  const some = users.map(
    (
      { name, why, proof },
      index,
    ) => `// ${oneLine(name)}: ${oneLine(why)}.${proof.supposed ? ` Supposed: ${proof.supposed}.` : ''}
@id(${quoted(`${policyName(lease.name)}-${index + 1}`)})
permit(principal, action == Action::"lease", resource == Lease::${quoted(lease.name)})
  when {
    ${conditionsOf(proof).join(' &&\n    ')}
  };
`,
  )
  return some.length > 0
    ? some.join('\n')
    : `// Nobody is known to use it: nobody gets ${lease.name} until a policy says who.\n`
}

function conditionsOf({ issuer, subject, claims }: Proof): string[] {
  return [
    `principal.issuer == ${quoted(issuer)}`,
    `principal.subject == ${quoted(subject)}`,
    ...Object.entries(claims).map(
      ([name, value]) =>
        `principal.hasTag(${quoted(name)}) && principal.getTag(${quoted(name)}) == ${quoted(value)}`,
    ),
  ]
}

/** Cases that `firebreak policy test` runs: each that uses it gets it, others of the same issuer do not. */
export function casesText({ lease, users }: Replacement, system: string): string {
  const about = { name: lease.name, system }
  const strangers = new Map(
    users.map(({ proof: { issuer, other } }) => [`${issuer} ${other}`, { issuer, subject: other }]),
  )
  const cases = [
    ...users.map(({ name, proof: { issuer, subject, claims } }) => ({
      name: `${oneLine(name)} gets it`,
      workload: { issuer, subject, ...(Object.keys(claims).length > 0 && { claims }) },
      lease: about,
      expect: 'allow',
    })),
    ...[...strangers.values()].map(workload => ({
      name: `${workload.subject} does not`,
      workload,
      lease: about,
      expect: 'deny',
    })),
  ]
  return stringify(cases, { lineWidth: 0, aliasDuplicateObjects: false })
}

/** Issuers that are to be trusted for it, with the subjects that may come. What the broker itself vouches for is none. */
export function issuersOf({ users }: Replacement): { issuer: string; subjects: string[] }[] {
  const outside = users.flatMap(({ proof }) => (proof.issuer.startsWith('https://') ? [proof] : []))
  return [...Map.groupBy(outside, ({ issuer }) => issuer)].map(([issuer, own]) => ({
    issuer,
    subjects: [...new Set(own.map(({ subjects }) => subjects))],
  }))
}

/** The broker's file with the lease and the issuers in it; what stood there stays as it was written, comments too. */
export function withReplacement(text: string, replacement: Replacement): string {
  const document = parseDocument(text)
  for (const { issuer, subjects } of issuersOf(replacement)) {
    const known = document.get('issuers')
    const at = isSeq(known) ? known.items.findIndex(one => isMap(one) && one.get('issuer') === issuer) : -1
    if (at < 0) addTo(document, ['issuers'], { issuer, subjects })
    else {
      const listed = document.toJS() as { issuers: { subjects?: string[] }[] }
      for (const subject of subjects)
        if (!listed.issuers[at]?.subjects?.includes(subject))
          addTo(document, ['issuers', at, 'subjects'], subject)
    }
  }
  addTo(document, ['leases'], replacement.lease)
  return document.toString({ lineWidth: 0 })
}

function addTo(document: ReturnType<typeof parseDocument>, path: (string | number)[], value: unknown): void {
  if (isSeq(document.getIn(path))) document.addIn(path, document.createNode(value))
  else document.setIn(path, document.createNode([value]))
}

/** `postgres:app-orders` → `postgres-app-orders`: what its policies and their file are called. */
export function policyName(lease: string): string {
  return lease.replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '')
}

function oneLine(text: string): string {
  return text
    .replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()
    .replace(/\.$/, '')
}

function quoted(text: string): string {
  return JSON.stringify(text)
}
