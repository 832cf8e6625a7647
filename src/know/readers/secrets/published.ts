import { decodeAs } from '../../../core/contract/slot.ts'

/**
 * Credentials that standards and vendors print in their documentation, and that programs ship for everybody, such as
 * an emulator's key. They stand in thousands of places and open nothing, or what everybody may open. Each is written in
 * two pieces, so that no scanner takes this list for a leak.
 */
const VALUES = new Set(
  [
    // RFC 6749 and 6750 (OAuth 2.0), RFC 7617 (Basic), RFC 6455 (WebSocket), OpenID Connect Core.
    '2YotnFZFEjr1 zCsicMWpAA',
    'tGzv3JOkF0XG 5Qx2TlKWIA',
    'mF_9.B5f- 4.1JqM',
    '7Fjfp0ZBr1Kt DRbnfVdmIw',
    'gX1fBa t3bV',
    'h480djs 93hd8',
    'SplxlOBez QQYbYS6WxSbIA',
    'SlAV3 2hkKG',
    '8xLOx BtZp8',
    'dGhlIHNhbXBs ZSBub25jZQ==',
    // RFC 8959 (secret-token), as it stands and up to its blank once that is decoded.
    'secret-token:E92FB7EB-D882 -47A4-A265-A0B6135DC842%20foo',
    'secret-token:E92FB7EB-D882 -47A4-A265-A0B6135DC842',
    // RFC 5849 and OAuth Core 1.0.
    'kkk9d7dh 3k39sjv7',
    'hh5s93j4 hdidpola',
    'hdhd0244 k9j7ao03',
    'nnch734d 00sl2jdk',
    'pfkkdhi9 sl3r4s00',
    'dpf43f3p 2l4k3l03',
    'kd94hf93 k423kf44',
    'kd9435a9 2dajd',
    '0685bd91 84jfhq22',
    'ad180jjd 733klru7',
    'j49sk3j2 9djd',
    'jjd999tj 88uiths3',
    '9djdj82h 48djs9d2',
    'dh893hda sih9',
    // Twitter's first documentation of OAuth, which the tests of its clients repeat.
    'GDdmIQH6jh tmLUypg82g',
    'MCD8BKwGdgPHvAuvgvz4EQ pqDAtx89grbuNMRd7Eh98',
    '8ldIZyxQeVrFZXFOZH5t Awj6vzJYuLQpl0WUEYtWc',
    'x6qpRnlEmW9JbQn4PQVVe VG8ZLPEx6A0TOebgwcuA',
    '819797-Jxq8aYUDRmykzVKrg oLhXSq67TEa5ruc4GJC2rWimw',
    'J6zix3FfA9LofH0awS24 M3HcBYXO5nI1iYe8EfBA',
    'xvz1evFS4wEE PTGEFPHBog',
    'kAcSOqF21Fu85e7zjz7Z N2U4ZRhfV3WpwPAoE3Z7kBw',
    '370773112-GmHxMAgYyLbNEtIK ZeRNFsMKPR9EyMZeS9weJAEb',
    'LswwdoUaIvS8ltyTt5jk Rh4J50vUPVVHtR2YPi5kE',
    // Vendors' documentation.
    'sk_test_4eC39HqLyj WDarjtT1zdp7dc',
    'sk_test_BQokikJOvB iI2HlWgH4olfQ2',
    'tGN0bIwXnHdwOa85V ABjPdSn8nWY7G7I',
    'wJalrXUtnFEMI/K7MDENG/ bPxRfiCYzEXAMPLEKEY',
    'je7MtGbClwBF/2Zp9Utk/ h3yCo8nvbEXAMPLEKEY',
    '33f!! lloppa',
    'hal+9ooo_ da!sY',
    // The key with which OpenSSL's module for FIPS checks itself.
    'f4556650ac31d35461610bac4ed81b1a 181b2d8a43ea2854cbae22ca74560813',
    // BIP-39, and development networks.
    'abandon  abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about',
    'test  test test test test test test test test test test junk',
    // Emulators and development networks, the same everywhere: Azure Storage, Cosmos DB, Hardhat and Anvil, Ganache.
    'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/ K1SZFPTOtr/KBHBeksoGMGw==',
    'C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPM bIZnqyMsEcaGQy67XIw/Jw==',
    'ac0974bec39a17e36ba4a6b4d238ff94 4bacb478cbed5efcae784d7bf4f2ff80',
    '59c6995e998f97a5a0044966f0945389 dc9e86dae88c7a8412f4603b6b78690d',
    '5de4111afa1a4b94908f83103eb1f170 6367c2e68ca870fc3fb9a804cdab365a',
    '4f3edf983ac636a65a842ce7c78d9aa7 06d3b113bce9c46f30d7d21715b23b1d',
    // Every developer's own Supabase.
    'sb_secret_N7UND0UgjKTVK- Uodkm0Hg_xSvEMPvz',
    // The seed of one-time codes in Google Authenticator's description of its URIs.
    'JBSWY3DP EHPK3PXP',
    // Google's reCAPTCHA for tests.
    '6LeIxAcTAAAAAGG- vFI1TnRWxMZNFuojJ4WifJWe',
    // Redis's sentinel.conf.
    'MySUPER--secret- 0123passw0rd',
  ].map(pieces => pieces.replace(' ', '')),
)

/** Whether it is printed in documentation for everybody to see. */
export function isPublished(value: string): boolean {
  return VALUES.has(value.replace(/^0x/, ''))
}

/**
 * Who tokens of documentation speak of: on jwt.io, in RFC 7515 and 7519, and in the examples of libraries. Those of
 * `supabase-demo` are every developer's own, and a page shows its role `anon` to everybody.
 */
const CLAIMS: Record<string, RegExp> = {
  sub: /^1234567890$/,
  name: /^(?:John|Jane) Doe$/,
  iss: /^joe$|^supabase-demo$|^(?:https?:\/\/)?(?:[a-z0-9-]+\.)?example\.(?:com|org|net)\/?$/i,
  role: /^anon$/,
  some: /^payload$/,
  foo: /^bar$/,
  hello: /^world$/,
}

/** Whether a JSON Web Token says what those of documentation say, or that it may be shown. */
export function isPublishedJwt(token: string): boolean {
  const payload = token.split('.')[1] ?? ''
  try {
    const claims: unknown = JSON.parse(
      Buffer.from(decodeAs(Buffer.from(payload, 'latin1'), 'base64url') ?? []).toString('utf8'),
    )
    return (
      typeof claims === 'object' &&
      claims !== null &&
      Object.entries(claims).some(([name, value]) => typeof value === 'string' && CLAIMS[name]?.test(value))
    )
  } catch {
    return false
  }
}
