import { execFile, spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { compileRules } from '../src/know/readers/secrets/engine.ts'
import type { Rule } from '../src/know/readers/secrets/rules/rule.ts'

const own = fileURLToPath(new URL('..', import.meta.url))
const ROOTS = [join(own, 'node_modules'), '/usr/share/doc', '/usr/share', '/usr/include']
const LARGEST_BYTES = 8e6
export const PLANTED_EVERY = 18
/** Of so many planted lines one holds a secret; the others look like one until they are judged. */
const SECRET_EVERY = 50
/** How many commits the longer history has; the shorter one has a tenth, with the same contents. */
const COMMITS = 20_000

export interface CorpusFile {
  readonly path: string
  readonly bytes: number
}

/** Files on disk under `directory`, made once and used again by later runs. */
export interface Corpus {
  readonly directory: string
  readonly files: readonly CorpusFile[]
  readonly bytes: number
  readonly lines: number
  readonly candidateLines: number
}

/**
 * Real text: installed npm packages and Debian's documentation with what is compressed there unpacked, then what else
 * lies under /usr/share and /usr/include. Every eighteenth line is replaced by a rule's example, so that at least 5 % of
 * the lines are candidates. It lies in the system's temporary directory until that is emptied.
 */
export async function corpus(rules: readonly Rule[], bytes: number): Promise<Corpus> {
  const directory = join(
    tmpdir(),
    `firebreak-text-${Math.round(bytes / 1e6)}mb-${rules.length}rules-${PLANTED_EVERY}`,
  )
  const manifest = `${directory}.json`
  const known = await readFile(manifest, 'utf8').catch(() => undefined)
  if (known !== undefined) return JSON.parse(known) as Corpus
  await rm(directory, { recursive: true, force: true })
  const plant = planter(rules)
  const files: CorpusFile[] = []
  const made = { bytes: 0, lines: 0, candidateLines: 0 }
  for (const [number, root] of ROOTS.entries()) {
    for await (const { path, text } of texts(root)) {
      if (made.bytes >= bytes) break
      const lines = text.split('\n')
      // A planted line would make no YAML of it: a pipeline that cannot be read is told, and the command fails.
      const from = /\.ya?ml$/.test(path) ? lines.length : PLANTED_EVERY / 2
      for (let i = from; i < lines.length; i += PLANTED_EVERY) {
        lines[i] = plant()
        made.candidateLines++
      }
      const content = Buffer.from(lines.join('\n'), 'latin1')
      const file = join(String(number), path)
      await mkdir(dirname(join(directory, file)), { recursive: true })
      await writeFile(join(directory, file), content)
      files.push({ path: file, bytes: content.length })
      made.bytes += content.length
      made.lines += lines.length
    }
  }
  const corpus = { directory, files, ...made }
  await writeFile(`${manifest}.new`, JSON.stringify(corpus))
  await rename(`${manifest}.new`, manifest)
  return corpus
}

/**
 * The next example of one line that holds a keyword: mostly those that are no secret in the end. What one rule lets be,
 * as a token that is too short, another one may find by its name: that is no such line.
 */
function planter(rules: readonly Rule[]): () => string {
  const engine = compileRules(rules)
  const isFound = (text: string) => !engine.scan(Buffer.from(text), { path: 'notes.txt' }).next().done
  const linesOf = (kind: 'positive' | 'negative') =>
    rules.flatMap(rule =>
      rule.examples[kind]
        .map(({ text }) => text.trimEnd())
        .filter(text => !text.includes('\n') && text.length < 1000)
        .filter(text => rule.keywords.some(keyword => text.toLowerCase().includes(keyword.toLowerCase()))),
    )
  const positive = linesOf('positive')
  const negative = linesOf('negative').filter(text => !isFound(text))
  let planted = 0
  return () => {
    planted++
    return planted % SECRET_EVERY === 0
      ? positive[(planted / SECRET_EVERY) % positive.length]!
      : negative[planted % negative.length]!
  }
}

async function* texts(root: string): AsyncGenerator<{ path: string; text: string }> {
  const names = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => [])
  const files = names
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
    .filter(file => !(root === '/usr/share' && file.startsWith('/usr/share/doc/')))
    .sort()
  for (const file of files) {
    const content = await textOf(file).catch(() => undefined)
    if (content && content.length > 0)
      yield { path: file.slice(root.length + 1).replace(/\.gz$/, ''), text: content.toString('latin1') }
  }
}

/** Nothing where it is no text, or too large. */
async function textOf(file: string): Promise<Buffer | undefined> {
  const handle = await open(file)
  try {
    if ((await handle.stat()).size > LARGEST_BYTES) return undefined
    const stored = await handle.readFile()
    const content = file.endsWith('.gz') ? gunzipSync(stored, { maxOutputLength: LARGEST_BYTES }) : stored
    return content.subarray(0, 8192).includes(0) ? undefined : content
  } finally {
    await handle.close()
  }
}

/** A bare repository. `blobs` are the ids of what the corpus put into it. */
export interface History {
  readonly directory: string
  readonly commits: number
}

/**
 * The corpus as histories, a short and a long one: each commit adds some of its files. The long one has commits in
 * between that each change one small file, so that it is longer and hardly larger.
 */
export async function histories({ directory, files }: Corpus): Promise<{ short: History; long: History }> {
  const make = async (commits: number): Promise<History> => {
    const repository = `${directory}-${commits}.git`
    const git = (...args: string[]) => promisify(execFile)('git', ['--git-dir', repository, ...args])
    const isMade = await git('rev-parse', 'refs/heads/made').then(
      () => true,
      () => false,
    )
    if (!isMade) {
      await rm(repository, { recursive: true, force: true })
      await git('init', '--quiet', '--bare')
      const stream = `${repository}.import`
      await writeStream(stream, directory, files, commits)
      const source = await open(stream)
      const importing = spawn('git', ['--git-dir', repository, 'fast-import', '--quiet'], {
        stdio: [source.fd, 'ignore', 'inherit'],
      })
      const [code] = (await once(importing, 'close')) as [number]
      await source.close()
      await rm(stream)
      if (code !== 0) throw new Error('git fast-import failed')
      await git('update-ref', 'refs/heads/made', 'refs/heads/main')
    }
    return { directory: repository, commits }
  }
  return { short: await make(COMMITS / 10), long: await make(COMMITS) }
}

async function writeStream(
  file: string,
  directory: string,
  files: readonly CorpusFile[],
  commits: number,
): Promise<void> {
  const out = createWriteStream(file)
  const write = async (part: string | Buffer) => {
    if (!out.write(part)) await once(out, 'drain')
  }
  let at = 0
  for (let commit = 0; commit < commits; commit++) {
    const who = `Author ${commit % 40} <author${commit % 40}@acme.test> ${1_600_000_000 + commit * 600} +0000`
    await write(`commit refs/heads/main\nauthor ${who}\ncommitter ${who}\ndata 11\nOne change\n\n`)
    const note = `change ${commit}\n`
    await write(`M 100644 inline notes/${commit % 500}.txt\ndata ${note.length}\n${note}\n`)
    for (const to = Math.floor((files.length * (commit + 1)) / commits); at < to; at++) {
      const { path } = files[at]!
      const content = await readFile(join(directory, path))
      await write(`M 100644 inline ${JSON.stringify(path)}\ndata ${content.length}\n`)
      await write(content)
      await write('\n')
    }
  }
  out.end()
  await once(out, 'finish')
}
