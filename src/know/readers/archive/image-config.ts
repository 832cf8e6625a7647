import { z } from 'zod'
import type { Member, OutOfOrder } from './container.ts'
import { isObject, parsedJson, textOf } from './notebook.ts'
import type { Spool } from './spool.ts'

const MOST_BYTES = 4 * 1024 * 1024

const settings = z
  .object({ Env: z.array(z.string()).nullish().catch(undefined) })
  .nullish()
  .catch(undefined)
const image = z.object({
  config: settings,
  container_config: settings,
  history: z
    .array(z.object({ created_by: z.string().optional(), comment: z.string().optional() }).catch({}))
    .nullish()
    .catch(undefined),
})

/**
 * What a container image says of itself (OCI image-spec v1.1, config.md; Docker writes the same): its environment, and the
 * instructions that made its layers, with the values of build arguments in them.
 */
export const imageConfig: OutOfOrder = {
  name: 'image configuration',
  order: 'any',
  raw: 'first',
  fits(head) {
    if (!isObject(head)) return false
    const text = textOf(head)
    return text.includes('"created_by"') || (text.includes('"architecture"') && text.includes('"config"'))
  },
  members,
}

async function* members(spool: Spool): AsyncGenerator<Member, void> {
  const parsed = spool.size > MOST_BYTES ? undefined : image.safeParse(parsedJson(spool))
  if (!parsed?.success) return
  const { config, container_config, history } = parsed.data
  const environment = [...new Set([...(config?.Env ?? []), ...(container_config?.Env ?? [])])]
  if (environment.length > 0) yield member('environment', 'image.env', environment)
  const instructions = (history ?? []).map(({ created_by, comment }) =>
    (created_by ?? comment ?? '')
      .replace(/^\/bin\/sh -c #\(nop\)\s+/, '')
      .replace(/^(?:RUN )?\|\d+ /, 'RUN ')
      .replaceAll('\n', ' '),
  )
  if (instructions.length > 0) yield member('history', 'Dockerfile', instructions)
}

function member(path: string, readAs: string, lines: readonly string[]): Member {
  return {
    path,
    readAs,
    bytes: (async function* () {
      yield Buffer.from(`${lines.join('\n')}\n`)
    })(),
  }
}
