import type { Located } from '../located.ts'
import type { Pipeline, PipelineJob } from '../pipeline/pipeline.ts'

/** What a Dockerfile builds: its stages, each a job of the build. */
export type Build = Pipeline<Stage>

export interface Stage extends PipelineJob {
  readonly instructions: readonly Instruction[]
  /** The image, or the stage before it, as it is written. */
  readonly base: string
  readonly isLast: boolean
}

export interface Instruction {
  /** In capitals. */
  readonly name: string
  readonly line: number
  readonly flags: readonly string[]
  /** All after the flags; continued lines stand below each other, their signs left out. */
  readonly text: string
  /** Of what was given on the lines below by `<<NAME`. */
  readonly heredoc: Located | undefined
}

const MOST_INSTRUCTIONS = 20_000
const MOST_STAGES = 500

export function buildOf(path: string, text: string): Build {
  const given = new Map<string, Located>()
  const stages: Instruction[][] = []
  for (const instruction of instructionsOf(text)) {
    if (instruction.name === 'FROM' && stages.length < MOST_STAGES) stages.push([instruction])
    else if (stages.length > 0) stages.at(-1)!.push(instruction)
    else if (instruction.name === 'ARG')
      for (const [name, value] of pairsOf(instruction)) given.set(name, value)
  }
  const names: string[] = []
  const jobs = stages.map((instructions, index) => {
    const [from, ...rest] = instructions
    const [base = '', as, name] = from!.text.trim().split(/\s+/)
    const id = as?.toLowerCase() === 'as' && name !== undefined ? name : `stage ${index}`
    const known = names.includes(base.toLowerCase())
    names.push(id.toLowerCase())
    return stageOf(id, from!, base, known, rest, index === stages.length - 1, given)
  })
  return { path, runtime: 'Dockerfile', jobs, variables: given }
}

function stageOf(
  id: string,
  from: Instruction,
  base: string,
  known: boolean,
  instructions: readonly Instruction[],
  isLast: boolean,
  given: ReadonlyMap<string, Located>,
): Stage {
  // What an argument of the file names is what the file says of it.
  const named = base.replace(/\$\{?(\w+)(?::-([^}]*))?\}?/g, (whole, name: string, initial?: string) =>
    String(given.get(name)?.value || initial || whole),
  )
  return {
    id,
    line: from.line,
    base: named,
    isLast,
    instructions,
    scripts: instructions.flatMap(one =>
      one.name === 'RUN' ? [located(one), ...(one.heredoc ? [one.heredoc] : [])] : [],
    ),
    images: known || named === 'scratch' ? [] : [{ line: from.line, textLine: from.line, value: named }],
    variables: new Map(instructions.flatMap(one => (one.name === 'ENV' ? pairsOf(one) : []))),
    ownRunner: undefined,
  }
}

function located({ text, line }: Instruction): Located {
  return { line, textLine: line, value: text }
}

/** `NAME=value …` and `NAME value`; an argument without a value has an empty one. */
export function pairsOf({ name, text, line }: Instruction): [string, Located][] {
  const place = (value: string, at: number): Located => {
    const on = line + (text.slice(0, at).match(/\n/g)?.length ?? 0)
    return { line: on, textLine: on, keyLine: on, value }
  }
  const pairs = [
    ...text.matchAll(/(?<=^|\s)([A-Za-z_]\w*)=("(?:[^"\\]|\\.)*"|'[^']*'|(?:[^\s"'\\]|\\.)*)/g),
  ].map(({ 1: key = '', 2: value = '', index }): [string, Located] => [
    key,
    place(value.replace(/^(["'])([\s\S]*)\1$/, '$2'), index),
  ])
  if (name === 'ARG') {
    const bare = text
      .trim()
      .split(/\s+/)
      .filter(word => /^[A-Za-z_]\w*$/.test(word))
    return [...pairs, ...bare.map((key): [string, Located] => [key, place('', text.indexOf(key))])]
  }
  const [, key = '', value = ''] = /^([A-Za-z_]\w*)[ \t]+([\s\S]+)$/.exec(text.trim()) ?? []
  return pairs.length > 0 || key === '' ? pairs : [[key, place(value, 0)]]
}

/** The instructions of a file: continued lines, comments within them, heredocs, and the sign that continues. */
export function* instructionsOf(text: string): Generator<Instruction> {
  const lines = text.split(/\r?\n/)
  const escape = /^#\s*escape\s*=\s*`/im.test(lines.slice(0, 5).join('\n')) ? '`' : '\\'
  let count = 0
  for (let at = 0; at < lines.length && count < MOST_INSTRUCTIONS; at++) {
    if (/^\s*(?:#|$)/.test(lines[at]!)) continue
    const line = at + 1
    const parts: string[] = []
    for (;;) {
      const part = lines[at] ?? ''
      // A comment within is left out, and an empty line too.
      if (parts.length > 0 && /^\s*(?:#|$)/.test(part)) {
        parts.push('')
        if (++at >= lines.length) break
        continue
      }
      const continued = part.trimEnd().endsWith(escape)
      parts.push(continued ? part.trimEnd().slice(0, -1) : part)
      if (!continued || at + 1 >= lines.length) break
      at++
    }
    const [, name = '', rest = ''] = /^\s*([A-Za-z]+)(?:\s+([\s\S]*))?$/.exec(parts.join('\n')) ?? []
    if (name === '') continue
    const marks = ['RUN', 'COPY', 'ADD'].includes(name.toUpperCase())
      ? [...rest.matchAll(/<<-?["']?([A-Za-z_]\w*)["']?/g)]
      : []
    let heredoc: Located | undefined
    for (const [, mark = ''] of marks) {
      const from = at + 1
      let end = from
      while (end < lines.length && lines[end]!.trim() !== mark) end++
      heredoc ??= { line: from + 1, textLine: from + 1, value: lines.slice(from, end).join('\n') }
      at = end
    }
    const flags = [...rest.matchAll(/(?:^|\s)--([\w-]+(?:=\S+)?)(?=\s)/g)]
    const leading = /^(?:\s*--[\w-]+(?:=\S+)?(?=\s))*/.exec(rest)![0]
    count++
    yield {
      name: name.toUpperCase(),
      line,
      flags: flags.filter(flag => flag.index < leading.length).map(([, flag = '']) => flag),
      text: leading.replace(/[^\n]/g, '') + rest.slice(leading.length).replace(/^[ \t]+/, ''),
      heredoc,
    }
  }
}
