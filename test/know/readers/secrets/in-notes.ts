import { P } from './written-down.ts'

const K = ['k7Qx02mzq77L', 'wPd81hXt3vB9'].join('')
/** Of signs that repeat more than those of most. */
const UUID = ['de4beef2-04af-4bcf-', 'aba8-82ac0c34e3c6'].join('')

/** How people tell each other of secrets, and how less usual programs take them. */
export const noted: readonly (readonly [path: string, text: string, value?: string])[] = [
  // Words that Markdown sets off
  ['a.md', `**token**: _${K}_\n`, K],
  ['a.md', `**Password:** *${P}*\n`],
  ['a.md', `_password_: ${P}\n`],
  ['a.md', `* __Password__: __Hop77qz__\n`, 'Hop77qz'],
  // Messages in JSON
  ['chat.json', `{"text":"root pw: ${P}"}`],
  ['chat.json', `{"text": "log in with password: ${P} please", "user": "U1"}`],
  ['chat.json', `{"text": "the token: ${K} is new"}`, K],
  ['export.json', `{"comments": [{"body": "use password=${P}"}]}`],
  // What is said of whom, and with no sign between
  ['a.txt', `Password for jo: ${P}\n`],
  ['a.txt', `login:jo/password:${P}\n`],
  ['a.txt', `User name: jo / Password:${P}\n`],
  ['a.txt', `ssh jo@db2 password ${P}x\n`, `${P}x`],
  ['a.txt', `- Password ${P}x\n`, `${P}x`],
  ['a.txt', `Secret Key: ${K}\n`, K],
  ['a.py', `# API key: ${K}\n`, K],
  ['a.go', `// token: ${K}\n`, K],
  // Names
  ['a.xml', `<credential>${K}</credential>\n`, K],
  ['a.xml', `<PW>${P}</PW>\n`],
  ['a.js', `const credential = '${K}'\n`, K],
  ['a.kt', `env[Context.SECURITY_CREDENTIALS] = "${K}"\n`, K],
  ['.offlineimaprc', `remoteuser = jo\nremotepass = ${P}\n`],
  ['export.rsc', `/interface wireless security-profiles set default wpa2-pre-shared-key=${P}\n`],
  ['a.yaml', `preSharedKey: ${P}\n`],
  ['a.cpp', `password_ = "${P}";\n`],
  // Within other signs
  ['a.sh', `kafka-configs.sh --alter --add-config "SCRAM-SHA-512=[password=${P}]" --entity-name jo\n`],
  ['a.sql', `UPDATE users SET pass=MD5('${P}') WHERE id=1;\n`],
  ['UserSeeder.php', `'password' => Hash::make('${P}'),\n`],
  ['a.py', `user.password = generate_password_hash("${P}")\n`],
  ['options.xl2tpd', `name jo\npassword ${P}\n`],
  // What begins as a length does
  ['a.ts', "const password = '99charlie!X'\n", '99charlie!X'],
  ['a.ts', "const password = '12überXk9!'\n", '12überXk9!'],
  ['a.ts', "const password = 'Maxim99'\n", 'Maxim99'],
  ['.env', `ACME_API_KEY=${UUID}\n`, UUID],
  // Pairs
  ['rabbitmq.config', `{default_pass, <<"${P}">>}\n`],
  ['a.m', `options = weboptions('Username', 'jo', 'Password', '${P}');\n`],
  ['a.R', `connect("user", "jo", "password", "${P}")\n`],
  // What a sentence has next, what is behind a word, and names in camel case
  ['a.log', `12:00:01 DEBUG acme: called with token ${K}\n`, K],
  ['notes.txt', `You find the acme secret ${K} in the vault.\n`, K],
  ['credentials.xml', `<id>acme</id>\n<secret>{acme ${K}}</secret>\n`, K],
  ['a.xml', `<token>acme ${K}</token>\n`, K],
  ['a.xml', `<clientSecret>a${K.slice(0, 8)} ${K}</clientSecret>\n`, `a${K.slice(0, 8)} ${K}`],
  ['a.js', `const verifyToken = '${K}'\n`, K],
  ['a.js', `const s3SecretKey = '${K}'\n`, K],
  ['a.go', `const (\n\tacmeKey = "${K}"\n\tlimit = 10\n)\n`, K],
  ['a.json', `{"acmeKey": "${K}"}`, K],
  // A UUID under a name that says a lot
  ['application.properties', `acme.secret=${UUID}\n`, UUID],
  ['a.js', `get(url, { headers: { 'X-Acme-Key': '${UUID}' } })\n`, UUID],
]

/** What looks like these. */
export const similar: readonly (readonly [path: string, text: string])[] = [
  ['a.md', '**token**: _required_ The token\n_password_: _string_\n'],
  ['a.md', '**Token**: _access_token_v2_\n'],
  ['a.md', 'Use `_token_name_1_` and _token_ values. The __password__ field2 is required.\n'],
  ['schema.json', '{"description": "password: string1, at least Password: 8-20"}'],
  ['a.json', '{"text": "token: eos_Token1 password: see-README-2"}'],
  ['a.m', "options = plot('Color', 'red', 'Password', 'label-2');\n"],
  // Names, sentences and paths
  ['a.md', 'Password for jo: see above-Chapter2, or ask.\nThe password for root: none.\n'],
  ['a.md', 'The password Field1_x, the password AbcXyz12.\n'],
  ['a.md', 'https://acme.test/a/password:reset1\nGET /v1/user/password:Change1\n'],
  ['a.md', 'Your API key: see Settings2. Secret key: must-be-32-Bytes long.\n'],
  ['a.py', '# token: the_token_of_user_1\n# API key: AcmeShopClientV2\n'],
  ['a.js', "const credential = 'same-origin2'\ncredential: CredentialType2,\n"],
  [
    'a.json',
    `{"x-amz-credential": "${['AKIAQWADE5R4', '2RDZ4JEM'].join('')}/20260101/eu-west-1/s3/aws4_request"}`,
  ],
  // Modulations, and how long a password may be
  ['a.json', '{"psk": "BPSK1"}'],
  ['a.json', '{"modes": [{"psk": "QPSK-3/4"}, {"psk": "8PSK"}]}'],
  ['a.conf', 'psk: WPA2-PSK\n'],
  ['zh.md', '密码：8~20chars\n'],
  ['zh.md', '密码：6-16位字母数字\n'],
  ['a.csv', 'field,password\nmax,64chars\n'],
  ['a.md', '**password**: **min8**\n'],
  ['a.ts', 'this.renderPass = "Opaque1x"\n'],
  // What RFC 7617 shows, and what a drawing does
  ['a.md', `Authorization: Basic ${['QWxhZGRpbjpv', 'cGVuIHNlc2FtZQ=='].join('')}\n`],
  ['a.svg', '<text id="password1">Password1</text>\n'],
  // Messages in a map
  ['a.vue', "passwords: { required: 'Please enter your password!', mismatch: 'They do not match 1' },\n"],
  ['passwords.php', "return ['reset' => 'Your password has been reset!', 'throttled' => 'Wait 60s!'];\n"],
  // An address where tokens are money, the name of one, and keys that are none
  ['a.md', `Swap the token ${['EPjWdd5Aufq7SSqeM2qN', '1xzybapC8G4wEGGkZwyTDt1v'].join('')} for another.\n`],
  ['a.md', `Swap the token terra1fex9f78reuwhfsnc8sun6mz8rl9zwh03fhwf3 now.\n`],
  [
    'a.md',
    `Of the token ibc/27394FB092D2ECCD56123C74F36E4C1F there is more, token CVE-2023-12345-and-CVE-2024-2222.\n`,
  ],
  ['a.log', 'deleting secret acme-shop-frontend-token-x7k2p in the namespace\n'],
  ['a.js', `const cacheKey = '${K}'\nconst publicKey = "${K}"\n`],
  ['a.js', "const storageKey = 'acme-shop-cart-v2-items'\nconst sortKey = 'created_at_2'\n"],
  ['a.js', `const secret = '${UUID}'\nconst acmeKey = '${UUID}'\n`],
  [
    'a.js',
    [
      'file',
      'figmaFile',
      'image',
      'video',
      'document',
      'content',
      'template',
      'layer',
      'question',
      'correlation',
    ]
      .map(thing => `const ${thing}Key = '${K}'\n`)
      .join(''),
  ],
  [
    'a.js',
    ['dedup', 'deduplication', 'wgPeer', 'verify', 'verifying', 'sparkleEd', 'turn', 's3', 'release']
      .map(thing => `const ${thing}Key = '${K}'\n`)
      .join(''),
  ],
  ['a.json', `{"X-Tenant-Key": "${UUID}", "X-Deduplication-Key": "${UUID}"}`],
  ['a.xml', '<token>expires 2024-01-01T00-00-00</token>\n'],
  // What stands in for a key
  ['.env', 'MAXMIND_LICENSE_KEY=LICENSEKEY123456\n'],
]
