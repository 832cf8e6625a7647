import { rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { columnsOf } from '../../../../src/know/readers/archive/sqlite-file.ts'
import { rules } from '../secrets/rules/rule-directory.ts'
import { told } from './looking.ts'
import { processorTime } from '../../../processor-time.ts'

const token = rules.find(rule => rule.id === 'github-token')!.examples.positive[0]!.value
const other = rules.find(rule => rule.id === 'stripe-key')!.examples.positive[0]!.value

async function database(fill: (db: DatabaseSync) => void): Promise<Buffer> {
  const path = join(tmpdir(), `firebreak-sqlite-${process.pid}-${Math.random().toString(36).slice(2)}`)
  try {
    const db = new DatabaseSync(path)
    db.exec('pragma synchronous = off; pragma journal_mode = off')
    fill(db)
    db.close()
    return await readFile(path)
  } finally {
    rmSync(path, { force: true })
  }
}

describe('a SQLite database as SQLite writes it', () => {
  test.each(['UTF-8', 'UTF-16le', 'UTF-16be'])(
    'tables, columns, and rows over many pages, %s',
    async encoding => {
      const bytes = await database(db => {
        db.exec(`pragma encoding = '${encoding}'; pragma page_size = 512`)
        db.exec(
          'create table "user accounts" (id integer primary key, name text, "api token" text, note text)',
        )
        const insert = db.prepare('insert into "user accounts" (name, "api token", note) values (?, ?, ?)')
        for (let i = 0; i < 500; i++) insert.run(`user ${i}`, i === 321 ? token : null, 'n'.repeat(i * 7))
        insert.run('large', null, `${other} ${'x '.repeat(200_000)}`)
      })
      const { found, gaps } = await told(bytes, 'app.db')
      expect(found.map(line => line.replace(/ \(from row \d+\)/, ''))).toEqual([
        expect.stringMatching(/^app.db!\/user accounts\/note:\d+ sk_live/),
        `app.db!/user accounts/api token:1 ${token}`,
      ])
      expect(gaps).toEqual([])
    },
  )

  test('a password under its name, and a setting under the name beside it', async () => {
    const bytes = await database(db => {
      db.exec(
        'create table settings (option_name text, option_value text); create table smtp (host text, password text)',
      )
      db.exec("insert into settings values ('smtp_password', 'kT7#vQ2m-Lx9'), ('colour', 'dark blue of old')")
      db.exec("insert into smtp values ('mail.internal', 'Wq83-zLp0_tR')")
    })
    expect((await told(bytes, 'app.db')).found.sort()).toEqual([
      'app.db!/settings/option_value:1 kT7#vQ2m-Lx9',
      'app.db!/smtp/password:1 Wq83-zLp0_tR',
    ])
  })

  test('an archive in a blob, and a table without rowids', async () => {
    const bytes = await database(db => {
      db.exec('create table files (body blob); create table kv (k text primary key, v text) without rowid')
      db.prepare('insert into files values (?)').run(gzipSync(`TOKEN=${token}\n`))
      db.prepare('insert into kv values (?, ?)').run('stripe', other)
    })
    expect((await told(bytes, 'app.db')).found.sort()).toEqual([
      expect.stringMatching(/^app.db!\/files\/body\/row 1!\/row 1:1 ghp_/),
      expect.stringMatching(/^app.db!\/kv\/column 2:1 sk_live/),
    ])
  })

  test('what was deleted is still in the file, and is found there', async () => {
    const bytes = await database(db => {
      db.exec('pragma secure_delete = off; create table t (a text)')
      db.prepare('insert into t values (?)').run(token)
      db.prepare('insert into t values (?)').run(other)
      db.exec('delete from t where rowid = 1')
    })
    expect((await told(bytes, 'app.db')).found.sort()).toEqual([
      expect.stringMatching(/^app.db!\/t\/a:1 sk_live/),
      expect.stringMatching(/^app.db:\d+ ghp_/),
    ])
  })

  test('cut off, or with pages that point in a circle, it ends, and the rest is read', async () => {
    const bytes = await database(db => {
      db.exec('pragma page_size = 512; create table first (a text); create table second (a text)')
      db.prepare('insert into first values (?)').run(token)
      for (let i = 0; i < 300; i++) db.prepare('insert into second values (?)').run('x'.repeat(300))
    })
    const cut = await told(bytes.subarray(0, 512 * 40), 'app.db')
    expect(cut.found).toEqual([`app.db!/first/a:1 ${token}`])
    expect(cut.gaps).toEqual(['app.db: it is cut off'])
    const circle = Buffer.from(bytes)
    // Page 3 is the root of the second table: all its children become itself.
    for (let at = 0; at < 60; at++) circle.writeUInt32BE(3, 512 * 3 - 4 * (at + 1))
    circle.writeUInt32BE(3, 512 * 2 + 8)
    const ended = await told(circle, 'app.db')
    expect(ended.found).toEqual([`app.db!/first/a:1 ${token}`])
    expect(ended.gaps).toHaveLength(1)
  })
})

test.each([
  [
    'create table t (a, "b c" text, [d] int, `e` x default (1, 2), constraint q unique (a))',
    ['a', 'b c', 'd', 'e'],
  ],
  ["create table t(a text check (a <> ','), b decimal(10, 2), primary key (a))", ['a', 'b']],
  ['create table t (a /* , no */, b -- , no\n, c)', ['a', 'b', 'c']],
  ['no statement', []],
])('the columns of %s', (sql, names) => {
  expect(columnsOf(sql)).toEqual(names)
})

test.each(['[', '"', "'", '`', '/*', '("', '[('])(
  'columns of a statement of nothing but %s take no long time',
  sign => {
    const worked = processorTime()
    columnsOf(`create table t (${sign.repeat(1_000_000)}`)
    expect(worked()).toBeLessThan(60_000)
  },
)
