import { describe, expect, test } from 'vitest'
import type { Rule } from '../../../../src/know/readers/secrets/rules/rule.ts'
import { engine, rules } from './rules/rule-directory.ts'

const kindsIn = (content: string, path: string) =>
  [...engine.scan(Buffer.from(content), { path })].map(find => find.rule)

/** A vendor's name, the key's and its value, as kinds of files bring them together without the vendor in the key's name. */
const FORMS: Record<string, (vendor: string, key: string, value: string) => string> = {
  'a.ini': (vendor, key, value) => `[other]\nurl = x\n[${vendor}]\nregion = eu\n${key} = ${value}\n`,
  'a.toml': (vendor, key, value) => `[services.${vendor}]\nregion = "eu"\n${key} = "${value}"\n`,
  'a.yaml': (vendor, key, value) => `${vendor}:\n  region: eu\n  ${key}: ${value}\nother:\n  x: 1\n`,
  'list.yaml': (vendor, key, value) =>
    `services:\n  - name: ${vendor}\n    region: eu\n    ${key}: ${value}\n`,
  'a.json': (vendor, key, value) => `{"${vendor}": {"region": "eu", "${key}": "${value}"}}`,
  'said.json': (vendor, key, value) =>
    `{\n  "provider": "${vendor}",\n  "region": { "is": "eu" },\n  "${key}": "${value}"\n}`,
  'a.js': (vendor, key, value) =>
    `const c = create({\n  ${vendor}: {\n    region: 'eu',\n    ${key}: '${value}',\n  },\n})\n`,
  'default.js': (vendor, key, value) =>
    `const ${key} = process.env.${vendor.toUpperCase()}_${key.toUpperCase()} || '${value}'`,
  'a.php': (vendor, key, value) => `'${vendor}' => [\n  'region' => env('X'),\n  '${key}' => '${value}',\n],`,
  'a.tf': (vendor, key, value) =>
    `variable "${vendor}_${key}" {\n  type = string\n  default = "${value}"\n}\n`,
  '.env': (vendor, key, value) => `FOO=1\n\n# ${vendor}\nREGION=eu\n${key.toUpperCase()}=${value}\n`,
  'a.xml': (vendor, key, value) =>
    `<all><${vendor}><region>eu</region><${key}>${value}</${key}></${vendor}></all>`,
}

/** What is told otherwise, or not at all: names that the general rule knows for another thing's. */
const ALIKE: Record<string, readonly string[]> = {
  'default.js': ['statuspage-key: ', 'twelvedata-key: '],
  'a.tf': ['statuspage-key: ', 'twelvedata-key: '],
}

/** Those of which an example has a value that nothing but its name tells. */
const plain = rules.flatMap(rule => {
  const value = rule.examples.positive.find(example => isPlain(rule, example.value))?.value
  return value === undefined ? [] : [{ rule, value }]
})

function isPlain({ given, assignedTo }: Rule, value: string): boolean {
  return (
    assignedTo?.some(word => /^(?:key|token|secret)$/.test(word)) === true &&
    /^(?:[0-9a-f]+|[A-Za-z0-9]+)$/.test(value) &&
    new RegExp(`^(?:${given})$`).exec(value)?.groups?.['value'] === value
  )
}

const saysDead = ({ verify }: Rule) => 'http' in verify && verify.http.some(({ dead }) => dead !== undefined)

describe("a vendor's key is told as such by what it stands in", () => {
  test('there are many kinds to try', () => expect(plain.length).toBeGreaterThan(100))

  test.each(Object.entries(FORMS))('%s', (path, write) => {
    const others = plain.flatMap(({ rule, value }) => {
      const [vendor] = rule.keywords
        .map(keyword => keyword.replace(/[^A-Za-z0-9]+$/, '').replace(/[^A-Za-z0-9]/g, '_'))
        .sort((a, b) => b.length - a.length)
      const word = rule.assignedTo!.find(word => /^(?:key|token|secret)$/.test(word))!
      const key = { key: 'api_key', token: 'access_token', secret: 'client_secret' }[word]!
      const kinds = kindsIn(write(vendor!, key, value), path)
      return kinds.includes(rule.id) ? [] : [`${rule.id}: ${kinds.join()}`]
    })
    expect(others.join('\n')).toBe((ALIKE[path] ?? []).join('\n'))
  })
})

describe('and by the host that it is sent to', () => {
  const asked = plain.flatMap(({ rule, value }) => {
    const url = 'http' in rule.verify ? rule.verify.http[0]!.url[0]! : ''
    const word = rule.assignedTo!.find(word => /^(?:key|token|secret)$/.test(word))!
    return url.startsWith('https://www.') || url === '' || saysDead(rule)
      ? []
      : [{ rule, value, word, host: new URL(url).hostname }]
  })

  test.each<[string, (host: string, word: string, value: string) => string]>([
    ['a.py', (host, word, value) => `BASE = 'https://${host}/v1'\nAPI_${word.toUpperCase()} = '${value}'\n`],
    ['a.sh', (host, word, value) => `curl -H "X-Api-${word}: ${value}" https://${host}/v1\n`],
  ])('%s', (path, write) => {
    const others = asked.flatMap(({ rule, value, word, host }) => {
      const kinds = kindsIn(write(host, word, value), path)
      return kinds.includes(rule.id) ? [] : [`${rule.id}: ${kinds.join()}`]
    })
    expect(asked.length).toBeGreaterThan(50)
    expect(others.join('\n')).toBe((ALIKE[path] ?? []).join('\n'))
  })
})

describe('and as nobody’s', () => {
  const KEY = ['3f9c71d2', 'e0b84a65', '97c1fa08', 'd42be653'].join('')
  test.each([
    ['what is closed before it is named so', 'a.json', `{"datadog": {"site": "eu"}, "apiKey": "${KEY}"}`],
    ['another one is nearer', 'a.yaml', `datadog:\n  heroku:\n    region: eu\n    api_key: ${KEY}\n`],
    ['the section has ended', 'a.ini', `[datadog]\nsite = eu\n[other]\napi_key = ${KEY}\n`],
    ['its own name says another one', 'a.yaml', `datadog:\n  site: eu\n  heroku_api_key: ${KEY}\n`],
    ['the comment is that of other lines', '.env', `# Datadog\nSITE=eu\n\nAPI_KEY=${KEY}\n`],
    ['the element is closed', 'a.xml', `<a><datadog>x</datadog><apiKey>${KEY}</apiKey></a>`],
    ['it has another form', 'a.ini', `[datadog]\nsite = eu\napi_key = ${KEY}${KEY.slice(0, 9)}\n`],
    [
      'a URL is of another host',
      'a.py',
      `# https://www.datadoghq.com/docs, https://example.test/api.datadoghq.com\nAPI_KEY = '${KEY}'\n`,
    ],
    [
      'a URL is further away',
      'a.py',
      `# https://api.datadoghq.com\nimport x\n\ninternal = 1\nAPI_KEY = '${KEY}'\n`,
    ],
    [
      'a sentence speaks of it',
      'a.js',
      `// The Datadog agent is restarted by this job.\nconst apiKey = '${KEY}'\n`,
    ],
    ['only words say so, and it could be called dead', 'a.md', `The API key of datadog is ${KEY}`],
    ['the name is a part of a word', 'a.ini', `[datadogma]\nsite = eu\napi_key = ${KEY}\n`],
  ])('where %s', (_, path, content) => {
    expect(kindsIn(content, path)).toEqual(['generic-key'])
  })
})

test.each([
  [
    'a call',
    'a.py',
    (value: string) => `client = datadog.Client(\n    site="eu",\n    api_key="${value}",\n)\n`,
  ],
  ['its file', 'etc/datadog.yaml', (value: string) => `site: eu\napi_key: ${value}\n`],
])('and by %s', (_, path, write) => {
  const value = ['3f9c71d2', 'e0b84a65', '97c1fa08', 'd42be653'].join('')
  expect(kindsIn(write(value), path)).toEqual(['datadog-api-key'])
  expect(kindsIn(write(value).replace('datadog', 'other'), path.replace('datadog', 'other'))).toEqual([
    'generic-key',
  ])
})

test('of a form that several vendors have, the one that is named', () => {
  const { value } = rules.find(({ id }) => id === 'deepseek-key')!.examples.positive[0]!
  const settings = (name: string) => `{"${name}": {"url": "x", "apiKey": "${value}"}}`
  expect(kindsIn(settings('models'), 'a.json')).toEqual(['sk-hex-key'])
  expect(kindsIn(settings('deepseek'), 'a.json')).toEqual(['deepseek-key'])
})

test('what says by itself whose it is stays so, whatever is named around it', () => {
  const { value } = rules.find(({ id }) => id === 'github-token')!.examples.positive[0]!
  const named = plain.flatMap(({ rule }) => rule.keywords.map(keyword => keyword.replace(/[^a-z0-9]/gi, '')))
  for (const name of named)
    expect(kindsIn(`[${name}]\nurl = x\napi_token = ${value}\n`, 'a.ini')).toEqual(['github-token'])
})

test('its reasons say so, and its place is the same', () => {
  const value = ['3f9c71d2', 'e0b84a65', '97c1fa08', 'd42be653'].join('')
  const content = `datadog:\n  site: eu\n  api_key: "${value}"\n`
  const [find] = engine.scan(Buffer.from(content), { path: 'a.yaml' })
  expect(find).toMatchObject({
    rule: 'datadog-api-key',
    start: content.indexOf(value),
    reasons: expect.arrayContaining(['what it stands in is named so']) as unknown,
  })
  expect(find!.secret.revealText()).toBe(value)
})

test.each<[string, string, (value: string) => string]>([
  [
    'a header some lines behind the host',
    'a.go',
    value =>
      `req, err := http.NewRequest("GET", "https://v3.recurly.com/sites", nil)\nif err != nil {\n\treturn err\n}\nreq.Header.Set("X-Api-Key", "${value}")\n`,
  ],
  [
    'a header without a name of its own',
    'a.sh',
    value => `curl -H "Authorization: Bearer ${value}" https://v3.recurly.com/sites\n`,
  ],
  [
    'a parameter that is only called key',
    'a.js',
    value => `get('https://v3.recurly.com/sites?key=${value}')\n`,
  ],
  [
    'an element beside it',
    'credentials.xml',
    value =>
      `<c>\n  <id>recurly</id>\n  <description>of the build</description>\n  <secretToken>${value}</secretToken>\n</c>\n`,
  ],
  [
    'the parents of what is only called key',
    'a.yaml',
    value => `recurly:\n  api:\n    base: /v3\n    key: "${value}"\n`,
  ],
])('whose it is, by %s', (_, path, write) => {
  const value = ['3f9c71d2', 'e0b84a65', '97c1fa08', 'd42be653'].join('')
  expect(kindsIn(write(value), path)).toEqual(['recurly-key'])
  const [other] = kindsIn(write(value).replaceAll('recurly', 'acme'), path)
  expect(['generic-key', 'bearer-token', 'curl-token', 'url-query-key', 'api-section-key']).toContain(other)
})

test.each<[string, string, string, (value: string) => string]>([
  [
    'its own request names another host',
    'a.sh',
    'bearer-token',
    value =>
      `curl https://internal.acme.test/v1 -H "Authorization: Bearer ${value}"\ncurl https://v3.recurly.com/sites\n`,
  ],
  [
    'a parameter is of another host',
    'a.sh',
    'url-query-key',
    value => `curl "https://internal.acme.test/v1?key=${value}"\ncurl https://v3.recurly.com/sites\n`,
  ],
  [
    'another host is nearer',
    'a.go',
    'bearer-token',
    value =>
      `req, err := http.NewRequest("GET", "https://api.acme.test/orders", nil)\nif err != nil {\n\treturn err\n}\nreq.Header.Set("Authorization", "Bearer ${value}")\n\n\n\nother := "https://v3.recurly.com/x"\n`,
  ],
  [
    'an element of another server says so',
    'settings.xml',
    'generic-key',
    value =>
      `<servers><server><id>recurly</id><username>a</username></server><server><id>acme</id><token>${value}</token></server></servers>`,
  ],
])('nobody’s, where %s', (_, path, kind, write) => {
  expect(kindsIn(write(['3f9c71d2', 'e0b84a65', '97c1fa08', 'd42be653'].join('')), path)).toEqual([kind])
})
