import { DatabaseSync } from 'node:sqlite'
import { rmSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { engine, rules } from '../secrets/rules/rule-directory.ts'
import { look, made } from './looking.ts'

const token = rules.find(rule => rule.id === 'github-token')!.examples.positive[0]!.value
const text = `# settings\nDB_PASSWORD=k7-Zp2qLw99\nTOKEN=${token}\nURL=postgres://a:p%40ss@h/d\n`

/** A way to decode, with inputs that it decodes. */
export interface Decoder {
  readonly name: string
  readonly path: string
  readonly samples: readonly Uint8Array[]
}

/** What a hostile file may cost here: bounds are tried too, and an input must end within a second. */
const LIMITS = { freeBytes: 4 * 1024 * 1024, ratio: 100, freeMs: 800, msPerMib: 0, members: 1000 }

function textDecoders(): Decoder[] {
  const all = (code: (point: number) => string) =>
    [...text].map(letter => code(letter.charCodeAt(0))).join('')
  const base64 = (bytes: string | Uint8Array) => Buffer.from(bytes).toString('base64')
  const forms: Record<string, string | Uint8Array> = {
    base64: `x: ${base64(text)}`,
    'base64 over lines': `x:\n${base64(text.repeat(3)).replace(/.{76}(?=.)/g, '$&\n')}\n`,
    'base64 twice': `x: ${base64(base64(text))}`,
    base64url: `x: ${Buffer.from(text).toString('base64url')}`,
    hex: `x: ${Buffer.from(text).toString('hex')}`,
    url: `x?a=${encodeURIComponent(text)}&b=${all(point => `%${point.toString(16).padStart(2, '0')}`)}`,
    json: `{"a": ${JSON.stringify(text)}, "b": ${JSON.stringify(JSON.stringify(text))}, "c": "${all(point => `\\u${point.toString(16).padStart(4, '0')}`)}"}`,
    xml: `<a b="password=&quot;x7-Zp2qLw&quot;">${all(point => `&#${point};`)}</a>`,
    mail: `a\n\n${text.replaceAll('=', '=3D')} ${'word '.repeat(14)}=\npassword=3Dk7-Zp=\n2qLw\n`,
    'gzip in base64': `x: ${base64(base64(gzipSync(text)))}\ny: ${base64(gzipSync(text))}`,
    jwt: `x: ${[JSON.stringify({ alg: 'HS256' }), JSON.stringify({ a: token })].map(part => Buffer.from(part).toString('base64url')).join('.')}.c2lnbmF0dXJlLW9mLW5vLWtleS1hdC1hbGw`,
    'utf-16 little end first': Buffer.from(`\ufeff${text}naïve ☃ 😀`, 'utf16le'),
    'utf-16 big end first': Buffer.from(`\ufeff${text}naïve ☃ 😀`, 'utf16le').swap16(),
    'utf-16 in a program': Buffer.concat([
      Buffer.from('MZ\0\x01\xff'),
      Buffer.from(token, 'utf16le'),
      Buffer.alloc(64),
    ]),
    kubernetes: `kind: Secret\ndata:\n  password: ${base64('k7-Zp2qLw99')}\n  env: ${base64(text)}\n`,
  }
  return Object.entries(forms).map(([name, content]) => ({
    name,
    path: name === 'kubernetes' ? 'a.yaml' : 'a.txt',
    samples: [Buffer.from(content)],
  }))
}

function database(encoding: string): Buffer {
  const path = join(tmpdir(), `firebreak-mutation-${process.pid}-${encoding}`)
  try {
    const db = new DatabaseSync(path)
    db.exec(`pragma journal_mode = off; pragma page_size = 512; pragma encoding = '${encoding}'`)
    db.exec(
      'create table users (id integer primary key, token text, note text); create table kv (k text primary key, v blob) without rowid',
    )
    db.exec('begin')
    for (let i = 0; i < 60; i++)
      db.prepare('insert into users (token, note) values (?, ?)').run(
        i === 30 ? token : 'x',
        'n'.repeat(i * 30),
      )
    db.prepare('insert into kv values (?, ?)').run('a', gzipSync(text))
    db.exec('commit')
    db.close()
    return readFileSync(path)
  } finally {
    rmSync(path, { force: true })
  }
}

const RPM = `printf '%s\\n' 'Name: app' 'Version: 1' 'Release: 1' 'Summary: app' 'License: none' 'BuildArch: noarch' %description app %install 'mkdir -p %{buildroot}/etc && cp %{_sourcedir}/app.env %{buildroot}/etc/' %files /etc/app.env > app.spec
rpmbuild --quiet -bb --define "_topdir $PWD/r" --define "_sourcedir $PWD/conf" --define '_binary_payload w6.gzdio' app.spec && mv r/RPMS/noarch/app-1-1.noarch.rpm o`

/** Every decoder, with inputs made by the programs that such files come from. */
export async function decoders(): Promise<Decoder[]> {
  const files = { 'conf/app.env': text, 'b/c.txt': 'plain text, and nothing else\n'.repeat(40) }
  const archive = async (name: string, ...commands: string[]): Promise<Decoder> => ({
    name,
    path: name,
    samples: await Promise.all(commands.map(command => made(files, 'o', command))),
  })
  const manifest = JSON.stringify([{ Config: 'c.json', Layers: ['a/layer.tar', 'b/layer.tar'] }])
  const config = JSON.stringify({
    architecture: 'amd64',
    config: { Env: ['DB_PASSWORD=k7-Zp2qLw99'] },
    history: [{ created_by: `RUN |1 T=${token} /bin/sh` }],
  })
  const notebook = JSON.stringify({
    cells: [
      {
        cell_type: 'code',
        source: [`t = "${token}"\n`],
        outputs: [{ text: ['a'], data: { 'text/plain': ['b'] } }],
      },
    ],
  })
  const image = await made(
    { 'a/x/.env': text, 'b/x/.wh..env': '', 'manifest.json': manifest, 'c.json': config },
    'o',
    'for l in a b; do (cd $l && tar cf layer.tar x && rm -r x); done; tar cf o a b manifest.json c.json',
  )
  return [
    ...textDecoders(),
    await archive(
      'a.zip',
      'zip -q o.zip -r . && mv o.zip o',
      'zip -qr0 o.zip . && mv o.zip o',
      'zip -qr - . | cat > ../$$ && mv ../$$ o',
      'zip -qr -Z bzip2 o.zip . && mv o.zip o',
    ),
    await archive(
      'a.tar',
      'tar cf o conf b',
      'tar --format=pax -cf o conf b',
      'tar --format=v7 -cf o conf b',
    ),
    await archive('a.tgz', 'tar czf o conf b'),
    await archive('a.gz', 'gzip -c conf/app.env > o', 'gzip -c b/c.txt > o && gzip -c conf/app.env >> o'),
    await archive('a.bz2', 'bzip2 -c conf/app.env > o', 'cat conf/app.env b/c.txt | bzip2 -1 > o'),
    await archive(
      'a.xz',
      'xz -c conf/app.env > o',
      'cat conf/app.env b/c.txt | xz -0 > o',
      'head -c 5000 /dev/urandom | xz > o',
    ),
    await archive(
      'a.a',
      'ar rc o conf/app.env b/c.txt',
      'cp conf/app.env a-name-longer-than-sixteen && ar rc o a-*',
    ),
    await archive(
      'a.cpio',
      'find conf b | cpio -o -H newc > o',
      'find conf b | cpio -o -H odc > o',
      '(echo b/c.txt | cpio -o -H newc; find conf | cpio -o -H newc | gzip) > o',
    ),
    await archive('a.rpm', RPM),
    { name: 'a.zst', path: 'a.zst', samples: [zstdCompressSync(text), zstdCompressSync(text.repeat(50))] },
    { name: 'a.db', path: 'a.db', samples: [database('UTF-8'), database('UTF-16le')] },
    { name: 'a.ipynb', path: 'a.ipynb', samples: [Buffer.from(notebook)] },
    { name: 'config.json', path: 'config.json', samples: [Buffer.from(config)] },
    { name: 'a.7z', path: 'a.7z', samples: [Buffer.from(`7z\xbc\xaf\x27\x1c\n${text}`, 'latin1')] },
    { name: 'image.tar', path: 'image.tar', samples: [image] },
  ]
}

export interface Campaign {
  readonly inputs: number
  readonly slowestMs: number
  /** In how many something was found, so that it is known that they got that far. */
  readonly withFinds: number
}

/** So many inputs, each a sample with a few changes. Raises with the seed at what crashed or took longer than a second. */
export async function campaign(decoder: Decoder, inputs: number, seed: number): Promise<Campaign> {
  let slowestMs = 0
  let withFinds = 0
  for (let index = 0; index < inputs; index++) {
    const next = randomFrom(seed + index)
    const bytes = mutated(decoder.samples[next(decoder.samples.length)]!, next)
    const fail = (why: string) => new Error(`${decoder.name}, seed ${seed + index}: ${why}`)
    const started = process.cpuUsage()
    const found = await findsIn(decoder, bytes).catch((error: Error) => {
      throw fail(error.stack ?? error.message)
    })
    const { user, system } = process.cpuUsage(started)
    const ms = (user + system) / 1000
    if (ms > 1000) throw fail(`took ${ms} ms`)
    slowestMs = Math.max(slowestMs, ms)
    if (found > 0) withFinds++
  }
  return { inputs, slowestMs, withFinds }
}

async function findsIn(decoder: Decoder, bytes: Uint8Array): Promise<number> {
  if (decoder.path === 'a.txt' || decoder.path === 'a.yaml')
    return [...engine.scan(bytes, { path: decoder.path })].length
  return (await look(bytes, decoder.path, { limits: LIMITS })).findings.length
}

const INTERESTING = [0, 1, 0x7f, 0x80, 0xff, 0xfe, 0x20, 0x22, 0x25, 0x26, 0x3d, 0x5c, 0x0a]

/** Bits turned, bytes set, stretches copied over others, cut out, repeated, or the end cut off. */
function mutated(sample: Uint8Array, next: (below: number) => number): Uint8Array {
  let bytes = Buffer.from(sample)
  for (let changes = 1 + next(next(2) === 0 ? 2 : 8); changes > 0 && bytes.length > 0; changes--) {
    // Most that decides stands at the beginning, and in zip at the end.
    const where = [
      next(bytes.length),
      next(Math.min(bytes.length, 64)),
      bytes.length - 1 - next(Math.min(bytes.length, 128)),
    ]
    const at = where[next(3)]!
    const length = 1 + next(Math.min(64, bytes.length - at))
    const kind = next(8)
    if (kind === 0) bytes[at] = bytes[at]! ^ (1 << next(8))
    else if (kind === 1) bytes[at] = next(256)
    else if (kind === 2) bytes[at] = INTERESTING[next(INTERESTING.length)]!
    else if (kind === 3) bytes.fill(INTERESTING[next(INTERESTING.length)]!, at, at + length)
    else if (kind === 4) bytes.copyWithin(next(bytes.length), at, at + length)
    else if (kind === 5) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)])
    else if (kind === 6) bytes = Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)])
    else if (next(4) === 0) bytes = bytes.subarray(0, at)
    else if (at + 4 <= bytes.length)
      bytes.writeUInt32LE([0, 1, 0x7fffffff, 0xffffffff, next(0xffffff)][next(5)]!, at)
  }
  return bytes
}

/** Numbers from a seed, each below what is asked for. */
function randomFrom(seed: number): (below: number) => number {
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) >>> 0
  return below => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}
