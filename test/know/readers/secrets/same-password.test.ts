import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { decodeSlot, replaceInPlace } from '../../../../src/core/contract/slot.ts'
import type { Find } from '../../../../src/know/readers/secrets/engine.ts'
import { engine } from './rules/rule-directory.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')
const shellQuoted = (text: string) => `"${text.replace(/["$`\\]/g, '\\$&')}"`
const url = (password: string) => `postgres://app:${encodeURIComponent(password)}@db.internal:5432/app`

interface Form {
  readonly name: string
  readonly path: string
  readonly allows?: RegExp
  write(password: string): string
}

/** Each writer is the format's own: JSON.stringify, the yaml library, encodeURIComponent. */
const FORMS: readonly Form[] = [
  {
    name: '.env, bare',
    path: '.env',
    allows: /^[^\s"'`\\$#][^\s\\]*$/,
    write: p => `A=1\nDB_PASSWORD=${p}\nB=2\n`,
  },
  { name: '.env, quoted', path: '.env', write: p => `DB_PASSWORD=${shellQuoted(p)}\n` },
  { name: '.env, single quotes', path: '.env', allows: /^[^']*$/, write: p => `export DB_PASSWORD='${p}'\n` },
  {
    name: 'workflow',
    path: '.github/workflows/ci.yml',
    write: p => stringify({ jobs: { test: { env: { DB_PASSWORD: p, DB_USER: 'app' } } } }),
  },
  {
    name: 'YAML, single quotes',
    path: 'a.yaml',
    write: p => `db:\n  password: '${p.replaceAll("'", "''")}'\n`,
  },
  { name: 'YAML, double quotes', path: 'a.yaml', write: p => `db:\n  password: ${JSON.stringify(p)}\n` },
  {
    name: 'Dockerfile',
    path: 'Dockerfile',
    write: p => `FROM scratch\nENV A=1 DB_PASSWORD=${shellQuoted(p)} B=2\n`,
  },
  {
    name: 'Dockerfile, bare',
    path: 'Dockerfile',
    allows: /^[^\s"'`\\#][^\s"'`\\]*$/,
    write: p => `ENV DB_PASSWORD=${p}\n`,
  },
  {
    name: 'Kubernetes Secret',
    path: 'k8s/secret.yaml',
    write: p =>
      stringify({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'db' },
        data: { password: base64(p), username: base64('app') },
      }),
  },
  {
    name: 'Kubernetes Secret with a line break',
    path: 'k8s/secret.yaml',
    write: p => `kind: Secret\ndata:\n  password: ${base64(`${p}\n`)}\n`,
  },
  {
    name: 'Kubernetes Secret, stringData',
    path: 'k8s/secret.yaml',
    write: p => stringify({ kind: 'Secret', stringData: { password: p } }),
  },
  {
    name: 'Kubernetes Secret in JSON',
    path: 'secret.json',
    write: p => JSON.stringify({ apiVersion: 'v1', data: { password: base64(p) }, kind: 'Secret' }, null, 2),
  },
  {
    name: 'JSON',
    path: 'config.json',
    write: p => JSON.stringify({ database: { user: 'app', password: p } }),
  },
  {
    name: 'JSON, all escaped',
    path: 'config.json',
    write: p =>
      `{"password":"${[...p].map(c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"}`,
  },
  { name: 'connection URL', path: '.env', write: p => `DATABASE_URL=${url(p)}\n` },
  {
    name: 'connection URL in JSON',
    path: 'a.json',
    write: p => JSON.stringify({ url: url(p) }).replaceAll('/', '\\/'),
  },
  {
    name: 'connection URL in a Kubernetes Secret',
    path: 'secret.yaml',
    write: p => stringify({ kind: 'Secret', data: { DATABASE_URL: base64(url(p)) } }),
  },
  {
    name: 'JSON in base64',
    path: 'secret.yaml',
    write: p =>
      stringify({ kind: 'Secret', data: { 'config.json': base64(JSON.stringify({ password: p })) } }),
  },
  {
    name: 'JSON in JSON',
    path: 'state.json',
    write: p => JSON.stringify({ body: JSON.stringify({ password: p }) }),
  },
  {
    name: 'JSON in JSON in base64',
    path: 'notes.txt',
    write: p => `blob ${base64(JSON.stringify({ body: JSON.stringify({ password: p }) }))}\n`,
  },
  {
    name: 'URL in JSON in base64',
    path: 'notes.txt',
    write: p => `blob ${base64(JSON.stringify({ url: url(p) }))}\n`,
  },
  { name: 'TOML', path: 'a.toml', write: p => `password = ${JSON.stringify(p)}\n` },
  {
    name: 'XML element',
    path: 'a.xml',
    write: p => `<db><password>${p.replace(/[&<>]/g, c => `&#${c.charCodeAt(0)};`)}</password></db>`,
  },
  { name: 'TypeScript', path: 'a.ts', write: p => `const password = ${JSON.stringify(p)}\n` },
  { name: 'shell', path: 'run.sh', write: p => `export PGPASSWORD=${shellQuoted(p)}; psql\n` },
  {
    name: 'Kubernetes Secret in JSON, under a name that does not tell',
    path: 'secret.json',
    write: p => JSON.stringify({ kind: 'Secret', metadata: { name: 'a' }, stringData: { first: p } }),
  },
  { name: '.npmrc', path: '.npmrc', write: p => `//npm.acme.test/:_password=${base64(p)}\n` },
  {
    name: 'comparison',
    path: 'a.js',
    allows: /^[^"]*$/,
    write: p => `if ("${p}" === password) login()\n`,
  },
  { name: 'CSV', path: 'a.csv', allows: /^[^",]*$/, write: p => `name,password\napp,${p}\n` },
  { name: 'CSV, quoted', path: 'a.csv', allows: /^[^"]*$/, write: p => `"password","name"\n"${p}","app"\n` },
  {
    name: 'Markdown',
    path: 'a.md',
    allows: /^[^`|]*$/,
    write: p => `| User | Password |\n|------|----------|\n| app  | \`${p}\`|\n`,
  },
  {
    name: 'SQL row',
    path: 'a.sql',
    write: p =>
      `INSERT INTO users (id, name, password)\n  VALUES (1, 'a', NULL), (2, 'b', '${p.replaceAll("'", "''")}');\n`,
  },
]

function scan(form: Form, password: string): { bytes: Buffer; finds: Find[] } {
  const bytes = Buffer.from(form.write(password))
  return { bytes, finds: [...engine.scan(bytes, { path: form.path })] }
}

const letter = fc.constantFrom(...'abcdefghkmnpqrstuwzABCDEFGHKMNPQRSTUWZ')
const sign = fc.constantFrom(...'/+=@:#%&\'"!?-_.~^*;,()|é')
const password = fc
  .tuple(
    fc.array(letter, { minLength: 4, maxLength: 8 }),
    fc.array(sign, { minLength: 1, maxLength: 4 }),
    fc.nat(9999),
    fc.array(letter, { minLength: 2, maxLength: 4 }),
  )
  .map(([head, signs, number, tail]) => head.join('') + signs.join('') + number + tail.join(''))

describe.each(FORMS.map(form => ({ name: form.name, form })))('$name', ({ form }) => {
  const allowed = form.allows ? password.filter(value => form.allows!.test(value)) : password

  test('the same password has the same canonical bytes, at slots exact to the byte', () => {
    fc.assert(
      fc.property(allowed, value => {
        const { bytes, finds } = scan(form, value)
        const canonical = finds.map(find => Buffer.from(find.secret.reveal()).toString())
        expect(canonical).toEqual([value])
        for (const slot of finds[0]!.slots.filter(slot => slot.part === 'value')) {
          expect(Buffer.from(decodeSlot(bytes, slot)).toString()).toBe(value)
        }
      }),
      { seed: 2026, numRuns: 100 },
    )
  })

  test('a new value written into the slot is found there, and the user beside it still', () => {
    fc.assert(
      fc.property(allowed, value => {
        const { bytes, finds } = scan(form, value)
        const find = finds[0]!
        const fresh = 'Fresh-91_kQ.x7'
        const written = replaceInPlace(bytes, find.slots, find.slots[0]!, Buffer.from(fresh))
        const after = [...engine.scan(written.document, { path: form.path })]
        expect(after.map(each => each.secret.revealText())).toEqual([fresh])
        const parts = written.slots.map(slot => Buffer.from(decodeSlot(written.document, slot)).toString())
        expect(parts).toEqual(find.secret.id === undefined ? [fresh] : [fresh, find.secret.id])
        expect(after[0]!.secret.id).toBe(find.secret.id)
      }),
      { seed: 77, numRuns: 50 },
    )
  })
})
