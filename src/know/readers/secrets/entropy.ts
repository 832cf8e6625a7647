const counts = new Uint32Array(256)

/** Shannon entropy of a Latin-1 text's own characters, in bits per character. */
export function entropy(text: string): number {
  counts.fill(0)
  for (let at = 0; at < text.length; at++) counts[text.charCodeAt(at) & 0xff]!++
  let bits = 0
  for (let at = 0; at < text.length; at++) {
    const count = counts[text.charCodeAt(at) & 0xff]!
    if (count === 0) continue
    bits -= (count / text.length) * Math.log2(count / text.length)
    counts[text.charCodeAt(at) & 0xff] = 0
  }
  return bits
}
