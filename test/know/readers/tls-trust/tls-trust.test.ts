import { expect, test } from 'vitest'
import { tlsTrustReader } from '../../../../src/know/readers/tls-trust/tls-trust.ts'
import { observed } from '../both-ways.ts'

const told = async (path: string, text: string) =>
  (await observed(tlsTrustReader, path, text)).flatMap(one =>
    one.see === 'edge' ? [`${one.from.id} ${one.crossing} ${one.to.id} ${one.certainty}`] : [],
  )

test.each([
  [
    'etc/nginx/nginx.conf',
    'ssl_verify_client on;\nssl_client_certificate ca.crt;',
    'etc/nginx/ca.crt proven',
  ],
  [
    'etc/nginx/nginx.conf',
    'ssl_verify_client optional;\nssl_client_certificate /etc/ssl/ca.crt;',
    'etc/ssl/ca.crt conditional',
  ],
  [
    'deploy/nginx.conf',
    'ssl_verify_client on;\nssl_client_certificate /etc/nginx/ca.crt;',
    'deploy/ca.crt proven',
  ],
  [
    'a/etc/apache2/sites-enabled/shop.conf',
    'SSLVerifyClient require\nSSLCACertificateFile "/etc/ca.pem"',
    'a/etc/ca.pem proven',
  ],
  ['haproxy.cfg', 'bind :443 ssl crt x.pem ca-file ca.pem verify required', 'ca.pem proven'],
  ['postgresql.conf', "ssl_ca_file = 'root.crt'", 'root.crt conditional'],
  [
    'etc/kubernetes/manifests/kube-apiserver.yaml',
    '    - --client-ca-file=/etc/kubernetes/pki/ca.crt',
    'etc/kubernetes/pki/ca.crt proven',
  ],
  ['etcd.yml', 'client-cert-auth: true\ntrusted-ca-file: ca.crt', 'ca.crt proven'],
  ['redis.conf', 'tls-ca-cert-file ca.crt', 'ca.crt conditional'],
  ['my.cnf', '[mysqld]\nssl_ca = ca.pem', 'ca.pem conditional'],
])('%s: %j', async (path, text, want) => {
  expect(await told(path, text)).toEqual([`${path} trusts-clients-of ${want}`])
})

test('a comment, a file that is computed, and a server without such a setting tell nothing', async () => {
  expect(await told('nginx.conf', '# ssl_client_certificate ca.crt;\nssl_certificate own.crt;\n')).toEqual([])
  expect(await told('nginx.conf', 'ssl_client_certificate $ca;\n')).toEqual([])
  expect(await told('postgresql.conf', "#ssl_ca_file = ''\nssl = on\n")).toEqual([])
})
