import { createWriteStream } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import pc from 'picocolors'
import { z } from 'zod'
import { countText } from '../../core/contract/count-text.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import { systemReason } from '../../core/contract/system-reason.ts'
import type { Checkpoint } from '../../core/evidence/chain.ts'
import {
  countUnsealed,
  exportEvidence,
  readCheckpoints,
  readExport,
  sealedEntries,
} from '../../core/evidence/export.ts'
import { sealEvidence } from '../../core/evidence/sealer.ts'
import { type EvidenceVerdict, verifyEvidence } from '../../core/evidence/verify.ts'
import { defineOperation, type World } from './operation.ts'
import { wrap } from './wrap.ts'

const input = z.object({
  action: z.enum(['verify', 'export', 'anchor']).describe('what to do with the record'),
  anchor: z.string().min(1).optional().describe('verify: a checkpoint kept elsewhere, which proves the tail'),
  file: z.string().min(1).optional().describe('verify: an exported file instead of the database'),
  out: z.string().min(1).optional().describe('export, anchor: the file to write; standard output without it'),
})
type Input = z.infer<typeof input>

export type EvidenceOutput =
  | ({ action: 'verify'; of: string; anchor: string | null } & EvidenceVerdict)
  | { action: 'export' | 'anchor'; out: string; lines: number }
  | { action: 'export' | 'anchor'; text: string }

export const evidence = defineOperation<Input, EvidenceOutput>({
  name: 'evidence',
  summary: 'Verify, export or anchor the record of what was done',
  permission: 'read',
  input,
  positional: ['action'],
  examples: [
    {
      command: 'firebreak evidence verify',
      shows: 'whether the chain and its signatures hold; exit code 1 if not',
    },
    {
      command: 'firebreak evidence anchor --out anchor.json',
      shows: 'the newest checkpoint: keep it on another machine',
    },
    {
      command: 'firebreak evidence verify --anchor anchor.json',
      shows: 'that nothing up to that checkpoint was cut off',
    },
    { command: 'firebreak evidence export --out evidence.jsonl', shows: 'the whole record, for an auditor' },
    {
      command: 'firebreak evidence verify --file evidence.jsonl --anchor anchor.json',
      shows: 'the same check on an export, which needs no database',
    },
  ],
  needsStore: input => !(input.action === 'verify' && input.file !== undefined),
  run,
  text,
  json: output =>
    'text' in output
      ? output.text
          .split('\n')
          .filter(Boolean)
          .map(line => JSON.parse(line))
      : output,
  exitCode: output => (output.action === 'verify' && !output.ok ? 1 : 0),
})

async function run(world: World, input: Input): Promise<EvidenceOutput> {
  if (input.action === 'verify') return await verify(world, input)
  // What was committed a moment ago belongs to the record that is asked for now.
  await sealEvidence(world.db, world.keys.signer, world.io)
  if (input.action === 'export') return await exportTo(world, input.out)
  const newest = (await readCheckpoints(world.db)).at(-1)
  if (!newest)
    throw new FirebreakError(
      'NOT_FOUND',
      'there is no checkpoint yet',
      'connect, scan or contain something first',
    )
  const line = `${JSON.stringify({ checkpoint: newest })}\n`
  if (input.out === undefined) return { action: 'anchor', text: line }
  await written(input.out, () => writeFile(input.out!, line, { mode: 0o600 }))
  return { action: 'anchor', out: input.out, lines: 1 }
}

async function verify(world: World, input: Input): Promise<EvidenceOutput> {
  const anchor = input.anchor === undefined ? {} : { anchor: await readAnchor(input.anchor) }
  if (input.file !== undefined) {
    const { entries, checkpoints } = await readExport(input.file)
    const verdict = await verifyEvidence(entries, checkpoints, anchor)
    return { action: 'verify', of: input.file, anchor: input.anchor ?? null, ...verdict }
  }
  const { db, keys } = world
  const verdict = await verifyEvidence(sealedEntries(db), await readCheckpoints(db), {
    ...anchor,
    publicKey: keys.signer.publicKey,
    unsealed: await countUnsealed(db),
  })
  return { action: 'verify', of: world.home, anchor: input.anchor ?? null, ...verdict }
}

async function readAnchor(path: string): Promise<Checkpoint> {
  const { checkpoints } = await readExport(path)
  const newest = checkpoints.reduce<Checkpoint | undefined>(
    (best, checkpoint) => (best === undefined || checkpoint.seq > best.seq ? checkpoint : best),
    undefined,
  )
  if (!newest)
    throw new FirebreakError(
      'INVALID_INPUT',
      `${path} holds no checkpoint`,
      'give a file made by evidence anchor',
    )
  return newest
}

async function exportTo(world: World, out: string | undefined): Promise<EvidenceOutput> {
  let lines = 0
  async function* counted() {
    for await (const line of exportEvidence(world.db)) {
      lines++
      yield line
    }
  }
  if (out === undefined) {
    const texts: string[] = []
    for await (const line of counted()) texts.push(line)
    return { action: 'export', text: texts.join('') }
  }
  await written(out, () => pipeline(counted(), createWriteStream(out, { mode: 0o600 })))
  return { action: 'export', out, lines }
}

async function written(path: string, write: () => Promise<void>): Promise<void> {
  try {
    await write()
  } catch (error) {
    if (!(error instanceof Error) || !('syscall' in error)) throw error
    throw new FirebreakError(
      'INVALID_INPUT',
      `${path} cannot be written: ${systemReason(error)}`,
      'give another --out',
    )
  }
}

function text(output: EvidenceOutput, width: number): string {
  if ('text' in output) return output.text
  if ('out' in output)
    return output.action === 'anchor'
      ? wrap(
          `Wrote the newest checkpoint to ${output.out}. Keep it where this machine cannot write.`,
          width,
          '',
          '',
        )
      : wrap(`Wrote ${countText(output.lines, 'line')} to ${output.out}.`, width, '', '')
  const unsealed = output.unsealed === 0 ? '' : `, ${output.unsealed} not yet sealed`
  return [
    `${output.ok ? pc.green('holds') : pc.red('does not hold')}  ${countText(output.entries, 'entry', 'entries')}, ${countText(output.checkpoints, 'checkpoint')}${unsealed}`,
    ...output.problems.map(problem => wrap(problem, width, '  ', '  ')),
    ...tailLines(output),
  ].join('\n')
}

function tailLines({ tail, anchor }: { tail: EvidenceVerdict['tail']; anchor: string | null }): string[] {
  if (tail === 'proven') return ['tail: proven by the anchor']
  if (anchor !== null) return ['tail: unproven']
  return ['tail: unproven', '  (without --anchor, a record cut short cannot be told from a whole one)']
}
