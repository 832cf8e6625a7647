import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { z } from 'zod'
import type { Change } from '../../core/contract/change.ts'
import { countText } from '../../core/contract/count-text.ts'
import { isFirebreakError } from '../../core/contract/errors.ts'
import { rulesInUse } from '../../know/readers/secrets/rules/rules-in-use.ts'
import type { Coverage } from './coverage.ts'
import { defineOperation, type World } from './operation.ts'
import { replaceFile } from './replace-file.ts'
import { Baseline } from './scan/baseline.ts'
import type { Found, Scan } from './scan/found.ts'
import { sarifLog } from './scan/sarif.ts'
import { scanLines, scanText } from './scan/text.ts'
import { OWN_RULES, ruleFoldersOf } from './own-rules.ts'

const PIPED_IN = '-'

interface Asked {
  readonly paths: readonly string[]
  readonly staged: boolean
  readonly since?: string | undefined
}

function isPipedIn({ paths }: Asked): boolean {
  return paths.includes(PIPED_IN)
}

/** What is piped in stands nowhere, and what is staged may never be committed: only what stands somewhere is kept. */
function isKept(asked: Asked): boolean {
  return !isPipedIn(asked) && !asked.staged && asked.since === undefined
}

const input = z
  .object({
    paths: z
      .array(
        z
          .string()
          .min(1)
          .refine(path => !/^([a-z][a-z0-9+.-]*:\/\/|[\w.-]+@[\w.-]+:)/i.test(path) || existsSync(path), {
            error: 'a URL is not read: clone the repository, or connect its host (firebreak connect --help)',
          }),
      )
      .default([])
      .describe('repositories, directories or files; or - for standard input'),
    staged: z
      .boolean()
      .default(false)
      .describe('look only at what the next commit would add to a repository, and keep nothing'),
    since: z
      .string()
      .min(1)
      .optional()
      .describe('look only at the commits that HEAD reaches and this one does not, and keep nothing'),
    history: z
      .boolean()
      .default(true)
      .describe('read the working tree only, not the history of repositories'),
    minConfidence: z
      .number()
      .min(0)
      .max(1)
      .default(0)
      .describe('leave out what is less likely to be a secret, 0 to 1'),
    verify: z
      .boolean()
      .default(false)
      .describe('also try what is found where it is accepted: each is sent to its own vendor or system'),
    baseline: z
      .string()
      .min(1)
      .optional()
      .describe('a file of finds that are known and not to be told again'),
    writeBaseline: z.string().min(1).optional().describe('write what is found into such a file'),
    sarif: z.string().min(1).optional().describe('also write a SARIF 2.1.0 report into this file'),
    exclude: z
      .array(z.string().min(1))
      .default([])
      .describe('a glob of paths whose finds are set aside, as test/**; may be given again'),
    rules: z.string().min(1).optional().describe(OWN_RULES),
    workers: z
      .int()
      .min(1)
      .max(64)
      .default(Math.min(16, availableParallelism()))
      .describe('how many threads read'),
  })
  .refine(({ paths, staged, since }) => paths.length > 0 || staged || since !== undefined, {
    path: ['paths'],
    error: 'is needed',
  })
  .refine(given => !isPipedIn(given) || given.paths.length === 1, {
    path: ['paths'],
    error: '- is standard input, and stands alone',
  })
  .refine(given => !isPipedIn(given) || (!given.staged && given.since === undefined), {
    path: ['paths'],
    error: '- is standard input: --staged and --since are of repositories',
  })
  .refine(given => !isPipedIn(given) || (given.baseline ?? given.writeBaseline) === undefined, {
    path: ['baseline'],
    error: 'is of files: it cannot be given beside -',
  })
  .refine(given => !given.verify || isKept(given), {
    path: ['verify'],
    error: 'is of what is kept: it cannot be given beside -, --staged or --since',
  })
  .refine(({ staged, since }) => !staged || since === undefined, {
    path: ['since'],
    error: 'cannot be given beside --staged',
  })
type Input = z.infer<typeof input>

export const scan = defineOperation<Input, Scan>({
  name: 'scan',
  summary: 'Find credentials in repositories and directories',
  permission: 'observe',
  input: input as z.ZodType<Input>,
  positional: ['paths'],
  examples: [
    { command: 'firebreak scan .', shows: 'all of this repository: its whole history and its working tree' },
    { command: 'firebreak scan . --verify', shows: 'the same, and which of the finds are live' },
    { command: 'firebreak scan --no-history src', shows: 'only what stands there now' },
    { command: 'firebreak scan --staged', shows: 'before a commit: only what it would add' },
    {
      command: 'firebreak scan --since origin/main --sarif found.sarif',
      shows: 'before a merge: only what its commits add, and a report for other tools',
    },
    { command: 'docker logs shop | firebreak scan -', shows: 'what another program prints; nothing is kept' },
    {
      command: 'firebreak scan . --json > found.json',
      shows: 'every copy with path, line, commit, author and date; exit code 1 when there is one',
    },
  ],
  needsStore: isKept,
  ownRules: ({ rules }) => rules,
  run,
  text: scanText,
  lines: scanLines,
  json: ({ credentials, accepted, identities, coverage }) => ({
    credentials: credentials.map(whenWritten),
    accepted: accepted.map(whenWritten),
    identities,
    coverage,
  }),
  exitCode: output => (output.credentials.length > 0 ? 1 : 0),
  failures: output => output.failures,
})

/** Made as it is written, one after the other: what is found may be half of what memory holds. */
function whenWritten(found: Found): { toJSON(): unknown } {
  return { toJSON: () => foundJson(found) }
}

function foundJson(found: Found): unknown {
  const { fingerprint, kind, preview, identity, confidence, facts, verified } = found
  const copies = found.copies.map(({ place, path, member, line, commit, author, date, atHead, ...copy }) => {
    const { reasons, accepted, allowance } = copy
    const reason = accepted === 'allowed' ? { accepted, reason: allowance } : { accepted }
    return { place, path, member, line, commit, author, date, atHead, reasons, ...reason }
  })
  return { fingerprint, kind, preview, identity, confidence, facts, ...(verified && { verified }), copies }
}

async function run(world: World, input: Input): Promise<Scan> {
  const accept = input.baseline === undefined ? undefined : await Baseline.read(input.baseline)
  const collect =
    input.writeBaseline === undefined ? undefined : await Baseline.forWriting(input.writeBaseline)
  const { minConfidence } = input
  // Before every commit somebody waits for this: what only the store needs is not loaded then.
  const scanned = isKept(input)
    ? await (await import('./scan/kept.ts')).scanKept(world, { ...input, accept, collect })
    : await (await import('./scan/change.ts')).scanChange(world, {
        changes: await changesIn(world, input),
        minConfidence,
        exclude: input.exclude,
        accept,
        collect,
      })
  const { roots, unmarked, ...output } = { ...scanned, coverage: withAbsent(scanned.coverage, input) }
  const written: string[] = []
  const failures = [...output.failures]
  /** A full disk takes nobody what was found. */
  const write = async (file: string, work: (file: string) => Promise<string>) => {
    try {
      written.push(`${file}: ${await work(file)}`)
    } catch (error) {
      if (!isFirebreakError(error)) throw error
      failures.push(error)
    }
  }
  if (collect && input.writeBaseline !== undefined)
    await write(input.writeBaseline, async file => {
      // What could not be read is not in it: it would be new the next time, which is what it shall be.
      await collect.write(file)
      const entries = countText(collect.size, 'entry', 'entries')
      const without = `without ${unmarked} of which no copy could be read again`
      return `${entries}${unmarked === 0 ? '' : `, ${without}`}`
    })
  if (input.sarif !== undefined) {
    const { rules } = await rulesInUse(ruleFoldersOf(world))
    const log = sarifLog(output, {
      rules,
      roots,
      version: world.version,
      compared: accept !== undefined,
      at: world.io.now(),
    })
    await write(input.sarif, async file => {
      await replaceFile(file, `${JSON.stringify(log, null, 2)}\n`)
      return 'SARIF 2.1.0'
    })
  }
  return { ...output, failures, written }
}

/** A change may have taken away what its paths name, so that it is no error: who mistyped one is told. */
function withAbsent({ searched, skipped }: Coverage, input: Input): Coverage {
  if (isKept(input) || isPipedIn(input)) return { searched, skipped }
  const why = 'nothing stands there now'
  const absent = input.paths.filter(path => !existsSync(path)).map(what => ({ what, why }))
  return { searched, skipped: [...skipped, ...absent] }
}

async function changesIn(world: World, input: Input): Promise<Iterable<Promise<Change>>> {
  if (isPipedIn(input)) return [(await import('./scan/piped.ts')).pipedIn(world.readInput())]
  const { changesOf } = await import('./scan/change.ts')
  return changesOf(world, input.since === undefined ? { staged: true } : { since: input.since }, input.paths)
}
