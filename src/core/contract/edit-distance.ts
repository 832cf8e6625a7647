/** How many letters have to be put in, taken out or replaced (Levenshtein). */
export function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (const [row, letter] of [...a].entries()) {
    const own = [row + 1]
    for (let column = 0; column < b.length; column++)
      own.push(
        Math.min(own[column]! + 1, above[column + 1]! + 1, above[column]! + (letter === b[column] ? 0 : 1)),
      )
    above = own
  }
  return above.at(-1)!
}

/** Those of the words that differ by a letter or two, the nearest first. */
export function nearWords(text: string, words: readonly string[]): string[] {
  const wanted = text.toLowerCase()
  const most = wanted.length < 6 ? 1 : 2
  return words
    .map(word => ({ word, distance: editDistance(wanted, word.toLowerCase()) }))
    .filter(({ word, distance }) => distance <= most || word.toLowerCase().startsWith(wanted))
    .sort((a, b) => a.distance - b.distance)
    .map(({ word }) => word)
}
