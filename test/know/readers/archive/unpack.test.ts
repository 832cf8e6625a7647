import { execFileSync } from 'node:child_process'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { LIMITS } from '../../../../src/know/readers/archive/budget.ts'
import { rules } from '../secrets/rules/rule-directory.ts'
import { look, made, told } from './looking.ts'

const token = rules.find(rule => rule.id === 'github-token')!.examples.positive[0]!.value
const other = rules.find(rule => rule.id === 'stripe-key')!.examples.positive[0]!.value
const files = { 'conf/app.env': `# comment\nTOKEN=${token}\n`, 'readme.txt': 'nothing here\n' }
const longName = `${'folder-with-a-long-name/'.repeat(12)}app.env`
const random = Buffer.from(
  Array.from({ length: 300_000 }, (_, i) => (Math.imul(i ^ 0x5bd1e995, 0x1b873593) >>> 13) & 0xff),
)

describe('a secret is found in archives as their own programs write them', () => {
  test.each([
    ['a.zip', 'zip -qr a.zip .'],
    ['a.zip', 'zip -qr0 a.zip .'],
    ['a.zip', 'zip -qr -Z bzip2 a.zip .'],
    ['a.zip', 'zip -qr - . -x a.zip | cat > a.zip'],
    ['renamed.bin', 'zip -qr renamed.zip . && mv renamed.zip renamed.bin'],
    ['a.tar', 'tar cf a.tar conf readme.txt'],
    ['a.tar', 'tar --format=v7 -cf a.tar conf'],
    ['a.tar', 'tar --format=ustar -cf a.tar conf'],
    ['a.tar', 'tar --format=pax -cf a.tar conf'],
    ['a.tar', 'tar --format=gnu -cf a.tar conf'],
    ['a.tar', 'tar --format=oldgnu -cf a.tar conf'],
    ['a.tgz', 'tar czf a.tgz conf'],
    ['a.tar.bz2', 'tar cjf a.tar.bz2 conf'],
    ['a.tar.xz', 'tar cJf a.tar.xz conf'],
    ['a.tar.zst', 'tar cf a.tar conf && zstd -q a.tar -o a.tar.zst'],
  ])('%s by %s', async (name, command) => {
    const { found, gaps } = await told(await made(files, name, command), name)
    expect(found.map(line => line.replace('!/./', '!/'))).toEqual([`${name}!/conf/app.env:2 ${token}`])
    expect(gaps).toEqual([])
  })

  const packages = {
    ...files,
    'p/DEBIAN/control':
      'Package: app\nVersion: 1\nArchitecture: all\nMaintainer: A <a@acme.test>\nDescription: app\n',
    'p/etc/app.env': files['conf/app.env'],
    'app.spec': `Name: app\nVersion: 1\nRelease: 1\nSummary: app\nLicense: none\nBuildArch: noarch\n%description\napp\n%install\nmkdir -p %{buildroot}/etc && cp %{_sourcedir}/app.env %{buildroot}/etc/\n%post\nexport TOKEN=${token}\n%files\n/etc/app.env\n`,
  }
  const rpmbuild = (io: string) =>
    `rpmbuild --quiet -bb --define "_topdir $PWD/r" --define "_sourcedir $PWD/conf" --define "_binary_payload ${io}" app.spec && mv r/RPMS/noarch/app-1-1.noarch.rpm a.rpm`

  test.each([
    ['a.a', 'ar rc a.a conf/app.env readme.txt', ['app.env:2']],
    [
      'a.a',
      'cp conf/app.env a-name-longer-than-sixteen.env && ar rc a.a readme.txt a-name-longer-than-sixteen.env',
      ['a-name-longer-than-sixteen.env:2'],
    ],
    ['a.deb', 'dpkg-deb -Zxz --root-owner-group -b p a.deb', ['data.tar.xz!/./etc/app.env:2']],
    ['a.deb', 'dpkg-deb -Zgzip --root-owner-group -b p a.deb', ['data.tar.gz!/./etc/app.env:2']],
    ['a.cpio', 'find conf | cpio -o -H newc > a.cpio', ['conf/app.env:2']],
    ['a.cpio', 'find conf | cpio -o -H crc > a.cpio', ['conf/app.env:2']],
    ['a.cpio', 'find conf | cpio -o -H odc > a.cpio', ['conf/app.env:2']],
    ['a.cpio', 'ln conf/app.env conf/b.env && find conf | sort | cpio -o -H newc > a.cpio', ['conf/b.env:2']],
    [
      'initrd.img',
      '(echo readme.txt | cpio -o -H newc; echo readme.txt | cpio -o -H newc; find conf | cpio -o -H newc | gzip) > initrd.img',
      ['what follows!/conf/app.env:2'],
    ],
    ['a.rpm', rpmbuild('w9.gzdio'), ['header:', 'payload!/./etc/app.env:2']],
    ['a.rpm', rpmbuild('w6.xzdio'), ['header:', 'payload!/./etc/app.env:2']],
    ['a.rpm', rpmbuild('w3.zstdio'), ['header:', 'payload!/./etc/app.env:2']],
  ])('%s by %s', async (name, command, places) => {
    const { found, gaps } = await told(await made(packages, name, command), name)
    expect(found.map(line => line.replace(/(header:)\d+/, '$1'))).toEqual(
      places.map(place => (place === 'header:' ? `${name}!/header: ${token}` : `${name}!/${place} ${token}`)),
    )
    expect(gaps).toEqual([])
  })

  test('an archive of ar as BSD writes it, with names before the contents', async () => {
    const header = (name: string, size: number) =>
      `${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}${String(size).padEnd(10)}\`\n`
    const content = files['conf/app.env']
    const bytes = Buffer.from(
      `!<arch>\n${header('#1/20', 24)}__.SYMDEF SORTED\0\0\0\0....${header('#1/16', 16 + content.length)}my settings.env\0${content}`,
    )
    expect(await told(bytes, 'a.a')).toEqual({ found: [`a.a!/my settings.env:2 ${token}`], gaps: [] })
  })

  test('a member without a name is none of the archive itself; what ar keeps beside members is read too', async () => {
    const content = files['conf/app.env']
    const member = (name: string) =>
      `${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}${String(content.length).padEnd(10)}\`\n${content}${content.length % 2 ? '\n' : ''}`
    const bytes = Buffer.from(`!<arch>\n${member('//')}${member('/99999')}${member('/')}`)
    expect((await told(bytes, 'a.a')).found).toEqual(
      ['names', '(no name)', 'symbols'].map(name => `a.a!/${name}:2 ${token}`),
    )
  })

  test.each(['070701', '070702 ', '070707'])('a text that begins with %s is no cpio', async digits => {
    const text = `${digits} 2026-11-29\nTOKEN=${token}\n${'more of it\n'.repeat(200_000)}`
    expect(await told(Buffer.from(text), 'a.log')).toEqual({ found: [`a.log:2 ${token}`], gaps: [] })
  })

  test.each([
    ['app.env.gz', 'gzip -k conf/app.env && mv conf/app.env.gz .'],
    ['app.env.bz2', 'bzip2 -k conf/app.env && mv conf/app.env.bz2 .'],
    ['app.env.xz', 'xz -k conf/app.env && mv conf/app.env.xz .'],
    ['app.env.zst', 'zstd -q conf/app.env -o app.env.zst'],
  ])('%s', async (name, command) => {
    const { found } = await told(await made(files, name, command), name)
    expect(found).toEqual([`${name}!/app.env:2 ${token}`])
  })

  test.each(['gnu', 'pax'])('long names in tar, %s', async format => {
    const bytes = await made(
      { [longName]: files['conf/app.env'] },
      'a.tar',
      `tar --format=${format} -cf a.tar folder*`,
    )
    expect((await told(bytes, 'a.tar')).found).toEqual([`a.tar!/${longName}:2 ${token}`])
  })

  test.each([
    ['gzip', 'gz'],
    ['bzip2', 'bz2'],
    ['xz', 'xz'],
    ['xz -9e', 'xz'],
    ['xz -0 --block-size=100000', 'xz'],
    ['zstd -q', 'zst'],
    ['zstd -q --ultra -20', 'zst'],
  ])('streams written one after the other, and what does not pack well: %s', async (program, ending) => {
    const first = Buffer.concat([random, Buffer.from(`\n${token}\n`), Buffer.alloc(2_000_000, 'na ')])
    const bytes = await made(
      { a: first, b: `\n${other}\n` },
      'c',
      `${program} -c a > c && ${program} -c b >> c`,
    )
    const { found, gaps } = await told(bytes, `c.${ending}`)
    expect(found.map(line => line.split(' ')[1]).sort()).toEqual([other, token].sort())
    expect(gaps).toEqual([])
  })
})

test.each([
  ['a.tar', 'tar cf a.tar conf'],
  ['a.tgz', 'tar czf a.tgz conf'],
  ['a.tar.bz2', 'tar cjf a.tar.bz2 conf'],
  ['a.tar.xz', 'tar cJf a.tar.xz conf'],
  ['a.tar.zst', 'tar c conf | zstd -q > a.tar.zst'],
  ['a.zip', 'zip -qr a.zip conf'],
])('%s in chunks of any size is the same', async (name, command) => {
  const bytes = await made(files, name, command)
  for (const chunkBytes of [1, 2, 511, 513, 4096])
    expect((await told(bytes, name, { chunkBytes })).found).toEqual([`${name}!/conf/app.env:2 ${token}`])
})

describe('archives within archives', () => {
  test('each is named on the way', async () => {
    const bytes = await made(
      files,
      'outer.zip',
      'tar czf in.tgz conf && zip -q mid.zip in.tgz && xz mid.zip && tar cf o.tar mid.zip.xz && zip -q outer.zip o.tar',
    )
    const { found, gaps } = await told(bytes, 'outer.zip')
    expect(found).toEqual([`outer.zip!/o.tar!/mid.zip.xz!/in.tgz!/conf/app.env:2 ${token}`])
    expect(gaps).toEqual([])
  })

  test('one xz within another waits for nothing', async () => {
    const bytes = await made(
      files,
      'a.xz.xz',
      'xz -k conf/app.env && mv conf/app.env.xz a && xz a && mv a.xz b && xz b && mv b.xz a.xz.xz',
    )
    expect((await told(bytes, 'a.xz.xz')).found).toEqual([`a.xz.xz!/a:2 ${token}`])
  })

  test('the same content in two members is two copies', async () => {
    const bytes = await made(files, 'a.zip', 'cp conf/app.env b.env && zip -q a.zip conf/app.env b.env')
    expect((await told(bytes, 'a.zip')).found).toEqual([
      `a.zip!/conf/app.env:2 ${token}`,
      `a.zip!/b.env:2 ${token}`,
    ])
  })

  test('what is too deep is told', async () => {
    let bytes: Buffer = Buffer.from(token)
    for (let i = 0; i < LIMITS.depth + 2; i++) bytes = gzipSync(bytes)
    const { found, gaps } = await told(bytes, `a${'.gz'.repeat(LIMITS.depth + 2)}`)
    expect(found).toEqual([])
    expect(gaps).toHaveLength(1)
    expect(gaps[0]).toMatch(/it lies more than 10 archives deep$/)
  })
})

describe('what is found before an archive breaks off is kept, and the gap is told', () => {
  test.each([
    ['a.tar', 'tar cf a.tar conf big'],
    ['a.tgz', 'tar czf a.tgz conf big'],
    ['a.tar.bz2', 'tar c conf big | bzip2 -1 > a.tar.bz2'],
    ['a.tar.xz', 'tar c conf big | xz -0 --block-size=200000 > a.tar.xz'],
    ['a.tar.zst', 'tar c conf big | zstd -q > a.tar.zst'],
    ['a.zip', 'zip -qr a.zip conf big'],
    ['a.zip', 'zip -qr - conf big | cat > a.zip'],
  ])('%s by %s', async (name, command) => {
    const whole = await made({ ...files, big: Buffer.concat([random, random, random]) }, name, command)
    const { found, gaps } = await told(whole.subarray(0, whole.length * 0.8), name)
    expect(found).toEqual([`${name}!/conf/app.env:2 ${token}`])
    expect(gaps.length).toBeGreaterThan(0)
    for (const gap of gaps) expect(gap).toMatch(/it is (?:cut off|damaged)/)
  })

  test('a member of a zip that is encrypted, beside one that is not', async () => {
    const bytes = await made(files, 'a.zip', 'zip -q a.zip conf/app.env && zip -qP x a.zip readme.txt')
    const { found, gaps } = await told(bytes, 'a.zip')
    expect(found).toEqual([`a.zip!/conf/app.env:2 ${token}`])
    expect(gaps).toEqual(['a.zip!/readme.txt: it is encrypted'])
  })

  test.each([
    ['7-Zip', '7z\xbc\xaf\x27\x1c\0\x04'],
    ['RAR', 'Rar!\x1a\x07\x01\0'],
    ['LZ4', '\x04"M\x18\x64\x40'],
    ['lzip', 'LZIP\x01\x0c'],
    ['lzop', '\x89LZO\0\r\n\x1a\n\x10'],
    ['Cabinet', 'MSCF\0\0\0\0\x9c'],
    ['xar', 'xar!\0\x1c\0\x01'],
    ['SquashFS', `hsqs\x07${'\0'.repeat(23)}\x04\0`],
    ['a git bundle', '# v2 git bundle\n'],
  ])('%s, which nothing reads, also within a zip', async (name, magic) => {
    const packed = Buffer.concat([Buffer.from(magic, 'latin1'), random.subarray(0, 2000)])
    const why = `it is packed as ${name}, which is not looked into`
    expect(await told(packed, 'a.bin')).toEqual({ found: [], gaps: [`a.bin: ${why}`] })
    const zip = await made({ ...files, 'b.bin': packed }, 'a.zip', 'zip -qr a.zip conf b.bin')
    const { found, gaps } = await told(zip, 'a.zip')
    expect(found).toEqual([`a.zip!/conf/app.env:2 ${token}`])
    expect(gaps).toEqual([`a.zip!/b.bin: ${why}`])
  })

  test('an archive that comes slowly is looked into to its end', async () => {
    const bytes = await made(files, 'a.tar', 'tar -cf a.tar conf')
    const slow = await told(bytes, 'a.tar', { chunkBytes: 512, msBefore: LIMITS.freeMs })
    expect(slow).toEqual({ found: [`a.tar!/conf/app.env:2 ${token}`], gaps: [] })
  })

  test('what nothing reads is searched as it is, however long, and a text that begins like it is one', async () => {
    const line = `\nTOKEN=${token}\n`
    for (const [magic, gaps] of [
      ['7z\xbc\xaf\x27\x1c', ['a.bin: it is packed as 7-Zip, which is not looked into']],
      ['hsqs is a word', []],
    ] as const) {
      const long = Buffer.concat([
        Buffer.from(magic, 'latin1'),
        Buffer.alloc(2_000_000, 'x '),
        Buffer.from(line),
      ])
      expect(await told(long, 'a.bin')).toEqual({ found: [`a.bin:2 ${token}`], gaps })
    }
  })

  test('a damaged member of a zip does not hide the others', async () => {
    const bytes = await made(
      {
        'a.txt': Array.from(random.subarray(0, 20_000), byte => byte.toString()).join(),
        'b.txt': `${token}\n`,
      },
      'a.zip',
      'zip -q a.zip a.txt b.txt',
    )
    bytes.fill(0xff, 2000, 4000)
    const { found, gaps } = await told(bytes, 'a.zip')
    expect(found).toEqual([`a.zip!/b.txt:1 ${token}`])
    expect(gaps).toHaveLength(1)
    expect(gaps[0]).toMatch(/^a.zip!\/a.txt: it is damaged/)
  })

  test('a text that begins like an archive is read as a text', async () => {
    expect((await told(Buffer.from(`PK\x03\x04 ${token}\n`), 'a.txt')).found).toEqual([`a.txt:1 ${token}`])
  })

  test('a zip behind a program that unpacks it', async () => {
    const bytes = await made(files, 'a.zip', 'zip -qr a.zip conf')
    const moved = Buffer.concat([bytes.subarray(0, 4), Buffer.alloc(60), bytes])
    expect((await told(moved, 'a.zip')).found).toEqual([`a.zip!/conf/app.env:2 ${token}`])
  })
})

describe('names and links are only text', () => {
  test('paths that lead out, links, loops of links and devices are not followed', async () => {
    const bytes = await made(
      files,
      'a.tar',
      [
        'ln -s . loop && ln -s /etc/passwd passwd && ln conf/app.env hard && mkfifo pipe',
        "tar --transform='s,^readme,../../../readme,' -Pcf a.tar conf loop passwd hard pipe readme.txt",
      ].join(' && '),
    )
    const { found, gaps } = await told(bytes, 'a.tar')
    expect(found).toEqual([`a.tar!/conf/app.env:2 ${token}`])
    expect(gaps).toEqual([])
  })

  test('a name that a terminal would obey is escaped', async () => {
    const name = 'a\u001b[2J.env'
    const bytes = await made({ [name]: `${token}\n` }, 'a.tar', 'tar cf a.tar *.env')
    expect((await told(bytes, 'a.tar')).found).toEqual([`a.tar!/a\\x1B[2J.env:1 ${token}`])
  })
})

describe('bombs are bounded', () => {
  test('one stream that unpacks to a thousand times its size', async () => {
    const started = performance.now()
    const { found, gaps } = await told(gzipSync(Buffer.alloc(400_000_000)), 'a.gz')
    expect(found).toEqual([])
    expect(gaps).toEqual([
      expect.stringMatching(/^a.gz!\/a: it unpacks to more than 64 MiB and 100 times its size/),
    ])
    expect(performance.now() - started).toBeLessThan(120_000)
  })

  test('zip in zip in zip, each sixteen times, as 42.zip', async () => {
    const layer =
      'for i in $(seq 16); do cp layer.zip lib$i.bin; done; zip -q next.zip lib*.bin; mv next.zip layer.zip; rm lib*'
    const bytes = await made(
      {},
      'layer.zip',
      `head -c 50000000 /dev/zero > 0 && zip -q layer.zip 0; for n in 1 2 3 4; do ${layer}; done`,
    )
    expect(bytes.length).toBeLessThan(200_000)
    const { gaps } = await told(bytes, '42.zip')
    expect(gaps).toEqual([expect.stringMatching(/^42\.zip!\/lib1\.bin!\/.*: it unpacks to more than/)])
  })

  test('many members, much time and much to hold aside', async () => {
    const bytes = await made(files, 'a.zip', 'for i in $(seq 30); do echo $i > f$i; done; zip -qr a.zip .')
    expect((await told(bytes, 'a.zip', { limits: { members: 10 } })).gaps).toEqual([
      'a.zip: it has more than 10 members: the rest was not looked into',
    ])
    const limited = await look(bytes, 'a.zip', { limits: { members: 10 } })
    expect(limited.gaps).toEqual([expect.objectContaining({ member: '', rest: true })])
    expect((await told(bytes, 'a.zip', { limits: { freeMs: -1, msPerMib: 0 } })).gaps).toEqual([
      'a.zip: looking into it took too long: the rest was not looked into',
    ])
    const large = await made(
      { a: random },
      'a.zip',
      'for i in $(seq 80); do cp a b$i; done; zip -q0 a.zip b*',
    )
    expect(large.length).toBeGreaterThan(20_000_000)
    expect((await told(large, 'a.zip', { limits: { spoolBytes: 1000 } })).gaps).toEqual([
      'a.zip: more than 1000 bytes would have to be held aside to read it',
    ])
  })

  test('a dictionary that a header asks for is not given', async () => {
    const bytes = await made({ a: 'x' }, 'a.xz', 'xz --format=xz --lzma2=dict=1GiB a')
    expect((await told(bytes, 'a.xz')).gaps).toEqual(['a.xz!/a: it needs a dictionary of more than 64 MiB'])
    const window = zstdCompressSync(Buffer.alloc(100), {})
    expect((await told(window, 'a.zst')).gaps).toEqual([])
  })
})

test('an archive too large for memory is held aside, and nothing is left of it', async () => {
  const large = await made(
    { a: random, 'z.env': `${token}\n` },
    'a.zip',
    'for i in $(seq 80); do cp a b$i; done; zip -q0 a.zip b* z.env',
  )
  const before = execFileSync('ls', ['/tmp']).toString()
  expect((await told(large, 'a.zip')).found).toEqual([`a.zip!/z.env:1 ${token}`])
  const left = execFileSync('ls', ['/tmp'])
    .toString()
    .split('\n')
    .filter(name => /^firebreak-[0-9a-f]{32}$/.test(name) && !before.includes(name))
  expect(left).toEqual([])
})
