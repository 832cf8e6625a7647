import { z } from 'zod'
import type { Gap, Member, OutOfOrder } from './container.ts'
import type { Spool } from './spool.ts'

const MOST_BYTES = 16 * 1024 * 1024

const lines = z
  .union([z.string(), z.array(z.string())])
  .transform(text => (typeof text === 'string' ? text : text.join('')))
  .catch('')
const output = z.object({
  text: lines.optional(),
  traceback: z.array(z.string()).optional().catch(undefined),
  data: z.record(z.string(), z.unknown()).optional().catch(undefined),
})
const cell = z.object({
  cell_type: z.string().catch(''),
  source: lines.optional(),
  /** What version 3 of the format calls it. */
  input: lines.optional(),
  outputs: z.array(output.catch({})).optional().catch(undefined),
})
const cells = z.array(cell.catch({ cell_type: '' }))
const notebook = z.object({
  cells: cells.optional(),
  worksheets: z.array(z.object({ cells }).catch({ cells: [] })).optional(),
  metadata: z
    .object({ language_info: z.object({ file_extension: z.string().regex(/^\.\w{1,10}$/) }).optional() })
    .optional()
    .catch(undefined),
})

/**
 * A Jupyter notebook (nbformat.readthedocs.io): what is broken into lines there, each a string of its own, is read as it
 * stands on the screen.
 */
export const jupyter: OutOfOrder = {
  name: 'notebook',
  order: 'any',
  raw: 'first',
  fits(head, path) {
    return isObject(head) && (path.endsWith('.ipynb') || textOf(head).includes('"cell_type"'))
  },
  members,
}

async function* members(spool: Spool): AsyncGenerator<Member | Gap, void> {
  if (spool.size > MOST_BYTES) {
    yield {
      path: '(cells)',
      gap: 'the notebook is larger than 16 MiB: its cells were read as they are written only',
    }
    return
  }
  const parsed = notebook.safeParse(parsedJson(spool))
  if (!parsed.success) return
  const { data } = parsed
  const extension = data.metadata?.language_info?.file_extension ?? '.py'
  const all = [...(data.cells ?? []), ...(data.worksheets ?? []).flatMap(sheet => sheet.cells)]
  for (const [index, one] of all.entries()) {
    const source = one.source ?? one.input ?? ''
    const name = `cell ${index + 1}`
    if (source !== '') yield member(name, one.cell_type === 'code' ? extension : '.md', source)
    for (const [number, shown] of (one.outputs ?? []).entries()) {
      const data = Object.entries(shown.data ?? {}).flatMap(([type, value]) =>
        type.startsWith('image/')
          ? []
          : [typeof value === 'string' || Array.isArray(value) ? lines.parse(value) : ''],
      )
      const text = [shown.text ?? '', ...data, (shown.traceback ?? []).join('\n')].filter(part => part !== '')
      if (text.length > 0) yield member(`${name} output ${number + 1}`, '.txt', text.join('\n'))
    }
  }
}

/** Whether it begins as a JSON object does. */
export function isObject(head: Uint8Array): boolean {
  let at = 0
  while (at < head.length && head[at]! <= 0x20) at++
  return head[at] === 0x7b
}

export function textOf(head: Uint8Array): Buffer {
  return Buffer.from(head.buffer, head.byteOffset, head.byteLength)
}

/** What is no JSON is read as the text that it is. */
export function parsedJson(spool: Spool): unknown {
  try {
    return JSON.parse(Buffer.from(spool.read(0, spool.size)).toString('utf8'))
  } catch {
    return undefined
  }
}

function member(name: string, extension: string, text: string): Member {
  return {
    path: name,
    readAs: `cell${extension}`,
    bytes: (async function* () {
      yield Buffer.from(text)
    })(),
  }
}
