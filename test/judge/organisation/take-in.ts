import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Document, documentOf } from '../../../src/core/contract/document.ts'
import type { Observation } from '../../../src/core/contract/observation.ts'
import { transaction } from '../../../src/core/store/store.ts'
import { type Finding, fold } from '../../../src/know/inventory/fold.ts'
import { linkWithinRepositories } from '../../../src/know/inventory/link-within-repositories.ts'
import { markTold } from '../../../src/know/inventory/told.ts'
import { fingerprinted } from '../../../src/know/observe/fingerprinted.ts'
import { insertDocuments } from '../../../src/know/observe/insert-documents.ts'
import { readDocument } from '../../../src/know/observe/read-document.ts'
import { allReaders } from '../../../src/know/readers/all.ts'
import { toldBy as toldByDocument } from '../../../src/know/readers/path-bound.ts'
import type { Reader } from '../../../src/know/readers/reader.ts'
import type { Rule } from '../../../src/know/readers/secrets/rules/rule.ts'
import { compileRules } from '../../../src/know/readers/secrets/engine.ts'
import { parseRule } from '../../../src/know/readers/secrets/rules/load-rules.ts'
import { type Estate, openEstate } from '../../know/estate.ts'
import { blobId, type Organisation } from './organisation.ts'
import { NOW } from './people.ts'
import type { OrganisationSource, Written } from './source.ts'

const RULES = fileURLToPath(new URL('../../../rules/secrets', import.meta.url))
/** What stands in an organisation's texts; all rules would take most of the time to no end. */
const KINDS = ['postgres-url', 'github-token']

/** An inventory that knows what the organisation's sources tell, by the readers and the fold that every run has. */
export async function takeIn(organisation: Organisation): Promise<Estate> {
  const estate = await openEstate()
  estate.clock.ms = NOW
  const rules = await Promise.all(KINDS.map(ruleOf))
  const readers = allReaders(compileRules(rules))
  for (const [index, source] of organisation.sources.entries())
    await takeInSource(estate, readers, source, index)
  return estate
}

async function ruleOf(id: string): Promise<Rule> {
  const file = join(RULES, `${id}.yaml`)
  const { rule } = parseRule(file, await readFile(file, 'utf8'))
  if (!rule) throw new Error(`${id} is no rule`)
  return rule
}

async function takeInSource(
  estate: Estate,
  readers: readonly Reader[],
  source: OrganisationSource,
  index: number,
): Promise<void> {
  const { db, io, keys } = estate
  const { system, instance, label } = source
  const row = {
    id: `source-${index}`,
    system,
    instance,
    label,
    config: '{}',
    cursor: null,
    created_at: NOW,
    observed_at: NOW,
  }
  await db.insertInto('source').values(row).execute()
  const keep = (observation: Observation) => fingerprinted(observation, keys.fingerprint)
  const findings: Finding[] = source.observations.map(keep)
  const toldBy = new Map<Finding, string>()
  const gaps: { document: string; gaps: string }[] = []
  const read = new Set<string>()
  const atHead = new Set<string>()
  for (const written of source.documents)
    for (const { document, occurrence } of versionsOf(written)) {
      const told = toldByDocument({ document: document.id, path: document.path })
      if (occurrence) findings.push(occurrence)
      if (occurrence && told !== document.id) findings.push({ ...occurrence, document: told })
      if (occurrence?.atHead !== false) atHead.add(told)
      if (read.has(told)) continue
      read.add(told)
      const chunks: Uint8Array[] = []
      for await (const chunk of document.bytes()) chunks.push(chunk)
      const head = Buffer.concat(chunks)
      const answer = await readDocument<{ fingerprint: string; strengthBits: number }>(
        { ...document, head, whole: true, bytes: () => document.bytes() },
        readers,
        { keep, valueOf: ({ fingerprint }) => fingerprint },
      )
      if (answer.failure !== undefined) throw new Error(`${document.path}: ${answer.failure}`)
      for (const finding of answer.findings) {
        findings.push(finding)
        if (finding.see !== 'copy') toldBy.set(finding, told)
      }
      if (answer.gaps) gaps.push({ document: told, gaps: JSON.stringify(answer.gaps) })
    }
  await transaction(db, async tx => {
    await fold(tx, row, findings, { io, at: NOW, toldBy })
    const tells = new Set(toldBy.values())
    await insertDocuments.run(
      tx,
      [...read].map(document => ({
        source_id: row.id,
        document,
        reader: 'test',
        read_at: NOW,
        gaps: gaps.find(gap => gap.document === document)?.gaps ?? null,
        tells: tells.has(document) ? 1 : 0,
      })),
    )
    await markTold(tx, row.id, NOW, [...tells], { has: id => atHead.has(id), complete: true }, [])
    await linkWithinRepositories(tx, io)
  })
}

type Occurrence = Extract<Observation, { see: 'occurrence' }>

/** What stands there now, and in a repository what stood there before, as its connector gives them. */
function* versionsOf(written: Written): Generator<{ document: Document; occurrence?: Occurrence }> {
  const { in: container, path, text, format, history } = written
  if (!history) {
    yield { document: documentOf(container, path, Buffer.from(text), format === undefined ? {} : { format }) }
    return
  }
  for (const [index, { author, at, text: content }] of history.entries()) {
    const id = blobId(content)
    const document = { ...documentOf(container, path, Buffer.from(content)), id }
    const isLast = index === history.length - 1
    const commit = blobId(`${author} ${at} ${path}`).slice('git:'.length)
    yield {
      document,
      occurrence: { see: 'occurrence', document: id, path, commit, author, at, atHead: isLast },
    }
  }
}
