import { wrap } from '../operations/wrap.ts'

/** A message as a stream is to have it: on a terminal its lines are broken between words; whatever reads a pipe reads whole ones. */
export function wrapped(text: string, stream: Pick<NodeJS.WriteStream, 'isTTY' | 'columns'>): string {
  if (!stream.isTTY) return text
  const width = stream.columns || 80
  return text
    .split('\n')
    .map(line => wrap(line, width, '', '  '))
    .join('\n')
}
