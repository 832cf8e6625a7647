/** A rule of the tests' own, so that nothing here hangs on the rules that are shipped. */
export const RULE = `
id: test-token
name: Test token
system: test
summary: A token of no system.
keywords: [tok_]
pattern: '(?<value>tok_[a-z0-9]{32})'
confidence: 0.9
preview: token
verify: { why: there is no such system anywhere }
revoke: { why: there is no such system anywhere }
references: ['https://example.org/']
examples:
  positive: [{ text: [tok, _aaaabbbbccccddddeeeeffff00001111], value: [tok, _aaaabbbbccccddddeeeeffff00001111] }]
  negative: [{ text: tok_short, why: too short }]
`
