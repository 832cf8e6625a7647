import { expect, test } from 'vitest'
import type { Find } from '../../../../src/know/readers/secrets/engine.ts'
import { engine } from './rules/rule-directory.ts'
import { processorTime } from '../../../processor-time.ts'

/** Made up: what people take for passwords, and what machines make. */
const [A, B, C] = ['Hop-77-qz', 'Rem-18-vk', 'Tul-93-wd']
const [K, L] = [['k7Qx02mzq77L', 'wPd81hXt3vB9'].join(''), ['m4Rt91bvc55H', 'zNf38sKq6gD2'].join('')]
const base64 = (text: string) => Buffer.from(text).toString('base64')

const found: readonly (readonly [path: string, text: string, values: readonly string[]])[] = [
  // Lists
  ['a.py', `PASSWORDS = ["${A}", '${B}', "${C}"]\n`, [A, B, C]],
  ['a.py', `API_KEYS = (\n    "${K}",  # ours\n    "${L}",\n)\n`, [K, L]],
  ['a.js', `const tokens = ['${K}', "${L}"]\n`, [K, L]],
  ['a.json', `{"passwords": ["${A}", "${B}"], "other": ["${C}"]}`, [A, B]],
  ['a.tf', `api_keys = [\n  "${K}",\n  "${L}",\n]\n`, [K, L]],
  ['a.yaml', `passwords:\n  - ${A}\n  # the old one\n  - "${B}"\n  - '${C}'\nname: x\n`, [A, B, C]],
  ['a.yaml', `tokens:\n- ${K}\n- ${L} # ours\n`, [K, L]],
  ['a.yaml', `passwords: ["${A}", "${B}"]\n`, [A, B]],
  ['a.yaml', `passwords: [${A}, ${B}] # ours\n`, [A, B]],
  ['a.yaml', `passwords: [${A}, name: [${B}]]\n`, [A]],
  ['a.py', `PASSWORDS = {"app": "${A}", 'ops': '${B}'}\n`, [A, B]],
  ['a.js', `const passwords = {\n  app: '${A}',\n  ops: '${B}',\n}\n`, [A, B]],
  // Columns
  ['a.csv', `name,password,role\napp,${A},admin\nops,${B},user\n`, [A, B]],
  ['a.csv', `# exported\r\n"Login","Password"\r\n"app","${A}"\r\n"ops","${B}"\r\n`, [A, B]],
  ['a.csv', `email;api_key\na@acme.test;${K}\n`, [K]],
  ['a.tsv', `user\tpassword\napp\t${A}\nops\tsunshine\n`, [A, 'sunshine']],
  ['a.csv', `host,db_password,admin_password\ndb1,${A},${B}\n`, [A, B]],
  [
    'a.md',
    `| User | Password | For |\n|:-----|---------:|---|\n| app | ${A} | shop |\n| ops | \`${B}\` | all |\n`,
    [A, B],
  ],
  ['a.md', `User | API key\n--- | ---\napp | ${K}\n`, [K]],
  ['a.md', `| E-mail | Password |\n|---|---|\n| \`app@acme.test\` | \`sunshine\` |\n`, ['sunshine']],
  ['login.feature', `    Examples:\n      | username | password |\n      | app | ${A} |\n`, [A]],
  ['a.csv', `User name,Access key ID,Secret access key\napp,AKX,${K}\n`, [K]],
  ['a.csv', `name,password\napp,${A}\n# those of the shop\nid,role,password\n7,ops,${B}\n`, [A, B]],
  [
    'a.md',
    `| User | Password |\n|---|---|\n| app | ${A} |\n| Host | Note |\n|---|---|\n| db1 | ${B} |\n`,
    [A],
  ],
  ['README', `Service | Token\n--- | ---\nshop | ${K}\n`, [K]],
  // Rows
  ['a.sql', `INSERT INTO users (name, password) VALUES ('app', '${A}'), ('ops', '${B}');\n`, [A, B]],
  ['a.sql', `INSERT INTO "users" ("id", "api_token") VALUES (1, '${K}');\n`, [K]],
  ['a.sql', `INSERT INTO [dbo].[Users] ([Login],[Password])\nVALUES (N'app',N'${A}')\n`, [A]],
  ['a.py', `cur.execute("INSERT INTO users (id, password, at) VALUES (1, '${A}', now())")\n`, [A]],
  ['a.sql', `REPLACE INTO users (a, password) VALUES (concat('x', ')', 'y'), '${A}');\n`, [A]],
  ['a.sql', `insert into users (password, secret) values ('${A}', '${K}');\n`, [A, K]],
  ['a.sql', `insert into users (a, password) values (concat('it''s', 'x'), '${A}');\n`, [A]],
  [
    'a.sql',
    `CREATE TABLE IF NOT EXISTS \`users\` (\n  \`id\` int(11) NOT NULL,\n  \`login\` varchar(20) DEFAULT 'x',\n  \`password\` varchar(60),\n  PRIMARY KEY (\`id\`),\n  KEY \`l\` (\`login\`)\n);\nINSERT INTO \`users\` VALUES (1,'app','${A}'),(2,'ops','${B}');\nINSERT INTO \`users\` VALUES (3,'sys','${C}');\n`,
    [A, B, C],
  ],
  [
    'a.sql',
    `create table a (password text, b text);\ncreate table public.b (b text, password text);\ninsert into b values ('${C}', '${A}');\ninsert into a values ('${B}', '${C}');\n`,
    [A, B],
  ],
  // Users of Oracle
  ['a.sql', `ALTER USER scott IDENTIFIED BY Tig3rs88;\n`, ['Tig3rs88']],
  ['a.sql', `CREATE USER shop IDENTIFIED BY Tig3rs88 DEFAULT TABLESPACE users;\n`, ['Tig3rs88']],
  // Comparisons
  ['a.php', `if ('${A}' == $_POST['password']) {\n`, [A]],
  ['a.js', `return "${A}" !== config.adminPassword;\n`, [A]],
  ['a.py', `if user == 'root' and b"${A}" == self.password:\n`, [A]],
  ['A.java', `if ("${K}".equalsIgnoreCase(apiToken)) {\n`, [K]],
  ['A.cs', `if ("${A}".Equals(password)) {\n`, [A]],
  ['a.sh', `if [ '${A}' = "$DB_PASSWORD" ]; then\n`, [A]],
  // Manifests and registries
  [
    'a.json',
    `{"kind":"Secret","data":{"one":"${base64(A)}","two":"${base64(B)}","host":"${base64(C)}"}}`,
    [A, B],
  ],
  [
    'a.json',
    `{"kind": "List", "items": [{"data": {"one": "${base64(A)}"}, "kind": "Secret"}, {"kind": "ConfigMap", "data": {"one": "${base64(B)}"}}]}`,
    [A],
  ],
  [
    'a.yaml',
    `items:\n- kind: ConfigMap\n  data:\n    a: ${base64(C)}\n- data:\n    one: ${base64(A)}\n# ours\n  kind: Secret\n- kind: ConfigMap\n  data:\n    a: ${base64(B)}\n`,
    [A],
  ],
  ['a.yaml', `kind: Secret\nstringData:\n  one: '${A}'  \n  two: "${B}"\n  three: ${C} \n`, [A, B, C]],
  ['.npmrc', `//npm.acme.test/:username=ci\n//npm.acme.test/:_password="${base64(A)}"\n`, [A]],
]

function valuesIn(path: string, text: string): string[] {
  const finds: Find[] = [...engine.scan(Buffer.from(text), { path })]
  return finds.filter(find => find.confidence >= 0.3).map(find => find.secret.revealText())
}

test.each(found.map(([path, text, values]) => ({ path, text, values })))(
  '$path: $text',
  ({ path, text, values }) => {
    expect(valuesIn(path, text)).toEqual(values)
  },
)

const silent: readonly (readonly [path: string, text: string])[] = [
  // Lists
  ['a.py', `tokens = ["if", "else", "while"]\n`],
  ['a.py', `PASSWORD_HASHERS = [\n    "acme.hashers.PBKDF2PasswordHasher",\n    "acme.Argon2Hasher",\n]\n`],
  ['a.py', `TOKEN_NORM: (\n    "layernorm",\n    "rwkv.blocks.0.pre_ln",\n)\n`],
  ['a.py', `COMMON_PASSWORDS = ["monkey12", "trustno1x"]\n`],
  ['a.py', `passwords = [${Array.from({ length: 200 }, (_, n) => `"word${n}Zq-"`).join(', ')}]\n`],
  ['a.php', `$passwords = ['root-77-qz' => get('root'), 'app-77-qz' => get('app')];\n`],
  ['a.yaml', `password:\n  - Falcon77\n`],
  ['a.yaml', `credentials:\n  - name: db\n    from: vault\n`],
  ['a.yaml', `secrets:\n  - db-password\n  - source: api\n`],
  ['a.yaml', `tokens:\n  - if\n  - else\n`],
  ['a.yaml', `run: |\n  if form["password"]:\n    login77x\n`],
  // Columns
  ['a.csv', `token,count\nthe,120\nhouse,7\n`],
  ['a.csv', `name,password\napp,5f4dcc3b5aa765d61d8327deb882cf99\n`],
  ['a.csv', `en,the password is,de\nuser,Benutzer77,x\n`],
  ['a.csv', `text,label\nhe said password,spam77x\n`],
  ['words.csv', `login,signin\npassword,Falcon77\n`],
  ['a.md', `| Parameter | Type |\n|---|---|\n| password | string |\n| token | abc-123-Falcon77 |\n`],
  ['a.md', `| Password | Meaning |\n|---|---|\n| required | it is asked for |\n| optional | it is not |\n`],
  ['a.md', `| Password | Note |\n|---|---|\n| \`<your password>\` | a |\n| $DB_PASSWORD | b |\n`],
  ['a.md', `the password\n| a | b77-Xq |\n`],
  ['a.md', `| Password | Meaning |\n|---|---|\n| \`sunshine\` | a word |\n`],
  ['login.feature', `Examples:\n| username | password |\n| app | wrong |\n| app | <password> |\n`],
  ['a.csv', `name,Access key ID\napp,${K}\n`],
  ['a.md', `Each API key | is kept\n--- | ---\nshop | ${K}\n`],
  // Rows
  ['a.sql', `INSERT INTO users (name, password) VALUES (?, ?), (:name, :password), ($1, $2);\n`],
  ['a.sql', `INSERT INTO users (name, password) VALUES ('app', MD5('Hop-77-qz'));\n`],
  ['a.sql', `INSERT INTO users (name, password) SELECT name, 'Hop-77-qz' FROM old;\n`],
  ['a.php', `"INSERT INTO users (name, password) VALUES ('$name', '$password')"\n`],
  ['a.js', `"INSERT INTO users (name, password) VALUES ('" + name77x + "', '" + pass77x + "')"\n`],
  ['a.sql', `INSERT INTO pages (title, text) VALUES ('password', 'Hop-77-qz');\n`],
  ['a.sql', `CREATE TABLE a (password text, b text);\nINSERT INTO c VALUES ('${A}', '${B}');\n`],
  ['a.sql', `CREATE TABLE a (b text, password text);\nINSERT INTO a VALUES ('${A}');\n`],
  ['a.sql', `ALTER USER scott IDENTIFIED BY VALUES 'F894844C34402B67';\n`],
  ['a.md', `The user identified by name77x; is altered.\n`],
  // Comparisons
  ['a.js', `if ("object" == typeof token77) {}\nif ('(' === token) {}\nif ("x" != password.length) {}\n`],
  ['a.py', `if "Hop-77-qz" == get_password():\n`],
  ['a.py', `if "Hop-77-qz" == password_hash or 'Hop-77-qz' == name:\n`],
  ['a.js', `const a = x["Hop-77-qz"] == password\n`],
  ['a.js', `// it's "Hop-77-qz' == password\n`],
  ['a.json', `{"if": "'Hop-77-qz' == password"}`],
  // Manifests and registries
  ['a.json', `{"kind": "SecretStore", "data": {"one": "${base64(A)}"}}`],
  [
    'a.json',
    `{"kind": "Secret", "metadata": {"labels": {"one": "Hop-77-qz"}, "data": {"one": "${base64(A)}"}}}`,
  ],
  ['a.json', `{"kind": "Secret", "data": {"one": "Hop-77-qz"}}`],
  ['.npmrc', `//npm.acme.test/:_password=\${NPM_PASSWORD}\n`],
]

test.each(silent.map(([path, text]) => ({ path, text })))('$path: $text holds none', ({ path, text }) => {
  expect(valuesIn(path, text)).toEqual([])
})

test('a long table is read as far as it is near its header, and a list as far as it is one', () => {
  const rows = Array.from({ length: 3000 }, (_, n) => `user${n},Hop-${n}-qzX\n`)
  const read = valuesIn('a.csv', `name,password\n${rows.join('')}`)
  expect(read.length).toBeGreaterThan(500)
  expect(read.length).toBeLessThan(1200)
  expect(read[0]).toBe('Hop-0-qzX')
})

test('a value before its name, and brackets behind it, are no list', () => {
  expect(valuesIn('a.js', `value: "${A}", "name": "passwords"\n["${B}", "${C}"]`)).toEqual([A])
})

test('what repeats itself is read in time', () => {
  const worked = processorTime()
  for (const [path, text] of [
    ['a.md', '| Password |\n|---'],
    ['a.json', '{"kind": "Secret", "data"'],
    ['a.json', '{"kind": "Secret", "data": {"one": "x"}, '],
    ['a.csv', 'password,password\n\n'],
    ['a.yaml', 'tokens:\n- tokens:\n'],
    ['a.py', 'tokens = ["tokens = ["'],
  ] as const)
    valuesIn(path, text.repeat(1000))
  expect(worked()).toBeLessThan(5000)
})

/** What is repeated, how often, and what stands before and behind. */
const slow: readonly (readonly [
  path: string,
  before: string,
  again: string,
  times: number,
  behind: string,
])[] = [
  ['a.sql', 'INSERT INTO users (id, password) VALUES (1 ', "'", 60, ' x\n'],
  ['a.sql', '', "create table a (password) insert into a values ('", 3000, ''],
  ['a.sql', 'create table a (password, b', " insert into a values ('x', ", 3000, ''],
  ['a.csv', '', '#\npwd,a\n', 3000, ''],
  ['a.feature', '', '|password|\n', 3000, ''],
  ['a.md', '', 'a | password |\\|\n--\n', 400, `${' '.repeat(8000)}x\n`],
  ['a.yaml', '', 'kind: Secret\n', 100, `data:\n  a: b${' '.repeat(8000)}"\n`],
  ['a.yaml', '', 'passwords: [a, ', 1200, ''],
  ['a.yaml', '', 'no, passwords: [', 1000, ''],
]

test.each(slow)('%s: %j, and %j again and again', (path, before, again, times, behind) => {
  const worked = processorTime()
  expect(valuesIn(path, before + again.repeat(times) + behind)).toEqual([])
  expect(worked()).toBeLessThan(2000)
})

test('rows that never end take no longer than what is read of them', () => {
  const worked = processorTime()
  for (const row of ["('", '(("', "(f('", '((((', "'a',"]) {
    const text = `INSERT INTO users (name, password) VALUES ('a', ${row.repeat(40_000)}`
    expect(valuesIn('a.sql', text)).toEqual([])
  }
  expect(worked()).toBeLessThan(2000)
})
