let last: { readonly head: Uint8Array; readonly text: string } | undefined

/**
 * A document's beginning, a character for each byte. All readers are asked of the same beginning, one after the other: it is
 * made into a text once.
 */
export function headText(head: Uint8Array): string {
  if (last?.head !== head)
    last = { head, text: Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString('latin1') }
  return last.text
}
