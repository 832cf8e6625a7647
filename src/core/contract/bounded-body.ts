/** What an answer holds, up to `most` bytes. Raises what `tooLarge` makes where it holds more, and as `fetch` does. */
export async function bodyWithin(response: Response, most: number, tooLarge: () => Error): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += (chunk as Uint8Array).length
    if (size > most) throw tooLarge()
    chunks.push(chunk as Uint8Array)
  }
  return Buffer.concat(chunks)
}
