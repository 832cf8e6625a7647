import { execFileSync, spawn } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { freePort } from '../../../src/serve/operations/drill/server-process.ts'

export const INSTALL_NGINX = 'apt-get install nginx'
const NGINX = '/usr/sbin/nginx'

export function availableNginx(): boolean {
  return existsSync(NGINX)
}

/** An nginx on the loopback that lets in who has a certificate of a new authority, by its revocation list. */
export interface Nginx {
  readonly port: number
  /** The authority's folder: ca.pem, ca.key; crl.pem as soon as it is connected. */
  readonly authority: string
  readonly pidFile: string
  /** The list has to be there before. */
  start(): Promise<void>
  readonly config: string
  log(): Promise<string>
  stop(): Promise<void>
}

export async function makeNginx(): Promise<Nginx> {
  const home = await mkdtemp(join(tmpdir(), 'firebreak-nginx-'))
  const authority = join(home, 'authority')
  await mkdir(authority)
  newAuthority(authority, 'Firebreak test')
  const [key, own, pidFile] = [join(home, 'server.key'), join(home, 'server.pem'), join(home, 'pid')]
  openssl(
    'req',
    '-new',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    key,
    '-subj',
    '/CN=127.0.0.1',
    '-out',
    `${own}.csr`,
  )
  await writeFile(join(home, 'names'), 'subjectAltName=IP:127.0.0.1\n')
  openssl(
    'x509',
    '-req',
    '-in',
    `${own}.csr`,
    '-CA',
    join(authority, 'ca.pem'),
    '-CAkey',
    join(authority, 'ca.key'),
    '-days',
    '2',
    '-set_serial',
    '2',
    '-extfile',
    join(home, 'names'),
    '-out',
    own,
  )
  const port = await freePort()
  const config = join(home, 'config')
  await writeFile(
    config,
    `daemon off; worker_processes 1; pid ${pidFile}; error_log ${home}/log info;
events { worker_connections 64; }
http {
  access_log off;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(name => `${name}_temp_path ${home}/${name};`).join(' ')}
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${own}; ssl_certificate_key ${key};
    ssl_client_certificate ${authority}/ca.pem; ssl_crl ${authority}/crl.pem; ssl_verify_client on;
    ssl_session_tickets off;
    location / { return 200 "$ssl_client_s_dn"; }
  }
}
`,
  )
  let child: ReturnType<typeof spawn> | undefined
  const onExit = () => {
    child?.kill('SIGTERM')
    rmSync(home, { recursive: true, force: true })
  }
  process.once('exit', onExit)
  return {
    port,
    authority,
    pidFile,
    config,
    async start() {
      child = spawn(NGINX, ['-p', home, '-e', `${home}/log`, '-c', config], { stdio: 'ignore' })
      for (const deadline = Date.now() + 120_000; ; await wait(15)) {
        const answers = await new Promise<boolean>(resolve => {
          const socket = connect(port, '127.0.0.1')
          socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
          socket.once('connect', () => socket.destroy())
        })
        if (answers) return
        if (child.exitCode !== null || Date.now() > deadline)
          throw new Error(`nginx did not start: ${await readFile(join(home, 'log'), 'utf8')}`)
      }
    },
    log: () => readFile(join(home, 'log'), 'utf8'),
    async stop() {
      process.off('exit', onExit)
      if (child && child.exitCode === null) {
        const gone = new Promise(resolve => child!.once('exit', resolve))
        child.kill('SIGTERM')
        await gone
      }
      await rm(home, { recursive: true, force: true })
    },
  }
}

export function newAuthority(folder: string, name: string): void {
  openssl(
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
    '-addext',
    'keyUsage=critical,keyCertSign,cRLSign',
    '-keyout',
    join(folder, 'ca.key'),
    '-out',
    join(folder, 'ca.pem'),
  )
}

export function openssl(...parameters: string[]): string {
  return execFileSync('openssl', parameters, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}
