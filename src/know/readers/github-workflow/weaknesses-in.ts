import type { Located } from '../located.ts'
import type { PipelineJob } from '../pipeline/pipeline.ts'
import { pipelineWeaknesses } from '../pipeline/weaknesses/all.ts'
import type { WeaknessText } from '../weakness.ts'
import { pipelineOf } from './pipeline-of.ts'
import { configWeaknesses, weaknesses } from './weaknesses/all.ts'
import type { Weak } from './weakness.ts'
import type { Job, Workflow } from './workflow.ts'

/** A weakness where it was found. */
export interface Found {
  readonly weakness: WeaknessText & { readonly alias?: string }
  readonly weak: Weak
}

/**
 * All that is weak in a document, but for what a comment allows, on its line, on one above it or on its job's:
 * `firebreak:allow REASON`, or another tool's mark for the same thing.
 */
export function weaknessesIn(
  path: string,
  root: Located,
  workflow: Workflow | undefined,
  text: string,
): Found[] {
  const lines = text.split('\n')
  const found: Found[] = []
  if (workflow) {
    for (const weakness of weaknesses)
      for (const weak of weakness.find(workflow)) found.push({ weakness, weak })
    const pipeline = pipelineOf(workflow)
    const jobs = new Map<PipelineJob, Job>(pipeline.jobs.map(part => [part, part.of]))
    // GitHub masks each secret in logs: which forms of one it misses, the workflows' own weakness knows.
    for (const weakness of pipelineWeaknesses)
      if (weakness.id !== 'pipeline-secret-in-log')
        for (const { job, ...weak } of weakness.find(pipeline)) {
          const of = job && jobs.get(job)
          found.push({ weakness, weak: of ? { ...weak, job: of } : weak })
        }
  }
  for (const weakness of configWeaknesses)
    if (weakness.reads(path)) for (const weak of weakness.findIn(root)) found.push({ weakness, weak })
  return found.filter(({ weakness, weak }) => !marksOf(lines, weak).some(mark => isAllowed(mark, weakness)))
}

function marksOf(lines: readonly string[], { line, job }: Weak): string[] {
  const above = lines[line - 2] ?? ''
  return [
    lines[line - 1] ?? '',
    ...(/^\s*#/.test(above) ? [above] : []),
    ...(job ? [lines[job.line - 1] ?? ''] : []),
  ]
}

function isAllowed(line: string, { id, alias }: Found['weakness']): boolean {
  if (/#\s*firebreak:allow\b/.test(line)) return true
  const ignored = /#\s*zizmor:\s*ignore\[([\w\s,-]+)\]/.exec(line)?.[1]
  return ignored?.split(',').some(name => name.trim() === alias || name.trim() === id) === true
}
