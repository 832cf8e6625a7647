/** Asks for page after page until one comes short. `page` gets the last key seen, to ask for what is after it. */
export async function* paged<Row extends { key: string }>(
  size: number,
  first: string,
  page: (after: string, size: number) => Promise<Row[]>,
): AsyncGenerator<Row> {
  for (let after = first; ; ) {
    const rows = await page(after, size)
    yield* rows
    const last = rows.at(-1)
    if (!last || rows.length < size) return
    after = last.key
  }
}
