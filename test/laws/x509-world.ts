import { readFileSync } from 'node:fs'
import { rename, rm, mkdtemp, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { x509 } from '../../src/connectors/x509/connector.ts'
import type { Connection } from '../../src/core/contract/connector.ts'
import { FirebreakError } from '../../src/core/contract/errors.ts'
import { type Io, realIo } from '../../src/core/contract/io.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { makeNginx, newAuthority, type Nginx, openssl } from '../connectors/x509/nginx.ts'
import { PATIENCE_MS, type Faults, type Principal, type World } from './world.ts'

export interface X509World extends World {
  readonly nginx: Nginx
  open(io?: Io): Promise<Connection>
  principal(): Promise<Principal>
  use(secret: Secret): Promise<boolean>
}

/** A real nginx, whose subjects' own certificates are signed by hand. */
export async function x509World(): Promise<X509World> {
  const nginx = await makeNginx()
  const folder = await mkdtemp(join(tmpdir(), 'firebreak-x509-world-'))
  const config = x509.config.parse({
    path: nginx.authority,
    host: '127.0.0.1',
    port: nginx.port,
    pidFile: nginx.pidFile,
    timeoutMs: PATIENCE_MS,
    subjects: [
      'job-9',
      'spiffe://firebreak.example/orders',
      ...Array.from({ length: 60 }, (_, number) => `hand-${number}`),
    ],
  })
  const open = (io: Io = realIo()) => x509.open(config, io)
  const first = await open()
  const { instance } = first
  await first.close()
  await nginx.start()
  const ca = readFileSync(join(nginx.authority, 'ca.pem'))
  let count = 0

  return {
    nginx,
    open,
    manyPrincipals: 7,
    async stop() {
      await nginx.stop()
      await rm(folder, { recursive: true, force: true })
    },
    async principal() {
      const [name, serial] = [`hand-${count++}`, String(1000 + count)]
      const file = (ending: string) => join(folder, `${serial}.${ending}`)
      openssl(
        'req',
        '-new',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-keyout',
        file('key'),
        '-subj',
        `/CN=${name}`,
        '-out',
        file('csr'),
      )
      openssl(
        'x509',
        '-req',
        '-in',
        file('csr'),
        '-CA',
        join(nginx.authority, 'ca.pem'),
        '-CAkey',
        join(nginx.authority, 'ca.key'),
        '-days',
        '1',
        '-set_serial',
        serial,
        '-out',
        file('pem'),
      )
      const identity = { system: 'x509', instance, kind: 'subject', id: `CN=${name}` }
      const id = Number(serial).toString(16).toUpperCase().padStart(4, '0')
      const text = readFileSync(file('key'), 'utf8') + readFileSync(file('pem'), 'utf8')
      await writeFile(file('key'), '')
      return {
        identity,
        credential: { ...identity, kind: 'certificate', id, identity },
        secret: new Secret(text, name),
      }
    },
    use: secret => getsIn(nginx.port, ca, secret),
    faults: () => clockFaults(open),
    async snapshot() {
      const book = new DatabaseSync(join(nginx.authority, 'issued.db'), { readOnly: true })
      const rows = book.prepare("select serial from certified where state <> 'revoked' order by 1").all()
      book.close()
      return JSON.stringify(rows)
    },
    async replace() {
      newAuthority(nginx.authority, 'Another')
    },
    vanish: () => rename(nginx.authority, `${nginx.authority}.gone`),
    log: () => nginx.log(),
  }
}

function getsIn(port: number, ca: Buffer, secret: Secret): Promise<boolean> {
  const text = secret.revealText()
  return new Promise((resolve, reject) => {
    request(
      {
        host: '127.0.0.1',
        port,
        path: '/',
        ca,
        key: text,
        cert: text.slice(text.indexOf('-----BEGIN CERT')),
        agent: false,
      },
      answer => {
        answer.resume()
        if (answer.statusCode === 200) resolve(true)
        else if (answer.statusCode === 400) resolve(false)
        else reject(new Error(`nginx answered ${answer.statusCode}`))
      },
    )
      .once('error', reject)
      .end()
  })
}

/** Nothing lies between the book, a signature and the list but time: the process ends where it asks for that. */
async function clockFaults(open: (io: Io) => ReturnType<World['open']>): Promise<Faults> {
  let [seen, failAt] = [0, 0]
  const io: Io = {
    ...realIo(),
    now() {
      seen++
      if (seen === failAt) throw new FirebreakError('UNREACHABLE', 'the process was ended')
      return new Date()
    },
  }
  return {
    open: () => open(io),
    failAt(call) {
      ;[seen, failAt] = [0, call]
    },
    noFault() {
      ;[seen, failAt] = [0, 0]
    },
    count: () => seen,
    close: async () => {},
  }
}
