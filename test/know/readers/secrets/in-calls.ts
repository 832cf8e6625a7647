import { P } from './written-down.ts'

/** Keys as machines make them; made up. */
const K = ['k7Qx02mzq77L', 'wPd81hXt3vB9'].join('')
const H32 = ['9f3c1b7ae2d04586', 'b1c73e9af05d2c8b'].join('')
const H40 = `${H32}41d7e06c`

const BYTES = String.raw`\x93\x1f\xa4\x07\xd8Q\xee\x02\x9b\x7f\xc3Zk\xb0\x11\xe5`
const BYTES_VALUE = '\x93\x1f\xa4\x07\xd8Q\xee\x02\x9b\x7f\xc3Zk\xb0\x11\xe5'

/** What is given to something by other ways than by its name alone: where, the text, and what is to be found. */
export const called: readonly (readonly [path: string, text: string, value?: string])[] = [
  // Where nothing else is set
  ['a.sh', `DB_PASSWORD=\${X:-${P}}\n`],
  ['a.sh', `export API_TOKEN="\${1:-${K}}"\n`, K],
  ['a.sh', `PASSWORD="\${OTHER:=${P}}"\n`],
  ['docker-compose.yml', `      POSTGRES_PASSWORD: \${PG:-${P}}\n`],
  ['docker-compose.yml', `      - POSTGRES_PASSWORD=\${PG:-${P}}\n`],
  ['.env', `DB_PASSWORD=\${DB:-${P}}\n`],
  ['application.properties', `app.jwtSecret=\${JWT:${K}}\n`, K],
  ['application.yml', `  password: \${db.login:${P}}\n`],
  ['a.sh', `mysql --password="\${MP:-${P}}" -u root\n`],
  // A literal of which only the type is changed
  ['A.java', `private static final char[] STORE_PASSWORD = "${P}".toCharArray();`],
  ['a.rb', `API_KEY = "${K}".freeze\n`, K],
  ['a.m', `#define kApiSecret @"${K}"\n`, K],
  ['a.java', `Cipher c = Aes.of(new SecretKeySpec("${K}".getBytes(), "AES"));`, K],
  ['a.c', `cfg->password = g_strdup("${P}");\n`],
  ['a.rs', `let token = SecretString::new("${K}".into());\n`, K],
  ['a.py', `if request.password == b"${P}":\n`],
  ['a.py', `aes_key = bytes.fromhex("${H32}")\n`, H32],
  ['a.cs', `var apiSecret = Encoding.UTF8.GetBytes("${K}");`, K],
  ['a.ts', `secretKey: CryptoJS.enc.Utf8.parse('${K}'),`, K],
  // Bytes as a machine draws them
  ['a.py', `app.secret_key = b'${BYTES}'\n`, BYTES_VALUE],
  ['settings.py', `SECRET_KEY = "${BYTES}"\n`, BYTES_VALUE],
  // Names in a column, far from their values
  ['a.m', `static NSString *const kApiKey                                      = @"${K}";`, K],
  ['a.h', `#define WIFI_PASSWORD                     "${P}"\n`],
  // What boards are told
  ['a.ino', `char auth[] = "${K}";\n`, K],
  ['a.ino', `#define FIREBASE_AUTH "${K}"\n`, K],
  ['boot.py', `sta_if.connect("acme", b"${P}")\n`],
  // Copied, and in maps of Scala and Kotlin
  ['a.c', `strncpy(cfg->password, "${P}", 32);\n`],
  ['a.ino', `strcpy(wifi_password, "${P}");\n`],
  ['a.scala', `Map("user" -> "jo", "password" -> "${P}")\n`],
  ['a.kt', `mapOf("user" to "jo", "token" to "${K}")\n`, K],
  // What a parameter has where none is given
  ['stack.yml', `Parameters:\n  DbPassword:\n    Type: String\n    NoEcho: true\n    Default: ${P}\n`],
  ['stack.json', `{"DbPassword": {"Description": "Of it", "Type": "String", "Default": "${P}"}}`],
  ['main.json', `{"adminPassword": {"type": "securestring", "defaultValue": "${P}"}}`],
  ['main.parameters.json', `{"apiToken": {\n  "value": "${K}"\n}}`, K],
  ['a.js', `password: { type: String, default: '${P}' },`],
  ['a.php', `$t = getenv('API_TOKEN') ? getenv('API_TOKEN') : '${K}';\n`, K],
  // Servers
  ['nginx.conf', `proxy_set_header X-Api-Key ${K};\n`, K],
  ['nginx.conf', `set $apikey ${K};\n`, K],
  ['httpd.conf', `RequestHeader set X-Api-Key ${K}\n`, K],
  // Names that are properties, and words for what is added to a password
  ['core-site.xml', `<property><name>fs.s3a.secret.key</name><value>${K}</value></property>`, K],
  ['application.conf', `play.http.secret.key = "${K}"\n`, K],
  ['devise.rb', `  config.pepper = '${H40}'\n`, H40],
  // Steps and fields
  ['a.js', `await page.type('input[name=password]', '${P}');`],
  ['a.feature', `When I log in with username "jo" and password "${P}"\n`],
  ['a.dfm', `  Params.Strings = (\n    'User_Name=jo'\n    'Password=${P}')\n`],
  ['package.json', `{"scripts": {"deploy": "TOKEN=${K} CI=1 node deploy.js"}}`, K],
  ['a.py', `headers = {"Authorization": f"Token ${K}"}\n`, K],
  // Statements
  ['a.sql', `CREATE USER 'jo'@'%' IDENTIFIED WITH mysql_native_password BY '${P}';\n`],
  ['a.sql', `ALTER USER \`jo\`@\`%\` IDENTIFIED WITH 'caching_sha2_password' BY '${P}' REQUIRE SSL;\n`],
  ['a.sql', `CREATE USER jo IDENTIFIED WITH sha256_password BY '${P}';\n`],
  ['A.java', `s.execute("CREATE USER jo ACCOUNT UNLOCK IDENTIFIED BY Hop77qz");`, 'Hop77qz'],
  ['a.sql', `CREATE USER 'jo' IDENTIFIED VIA ed25519 USING PASSWORD('${P}');\n`],
]

/** What stands in the same places and is none; and what every page shows, whichever way it is written. */
export const shownToAll: readonly (readonly [path: string, text: string])[] = [
  ['a.sh', 'DB_PASSWORD=${X:-}\nDB_PASSWORD="${X:-$DEFAULT}"\nDB_PASSWORD=${X:-password}\n'],
  [
    'a.sh',
    'TOKEN=${TOKEN:0:8}\nTOKEN=${1:-${2}}\nPASSWORD=${PW:?must be set-1}\nSECRET_NAME=${X:-acme-tls-2}\n',
  ],
  ['docker-compose.yml', '  DB_PASSWORD: $$DB_PASSWORD\n  API_PASSWORD: "$${API_PASSWORD}"\n'],
  ['a.c', 'strcpy(password, argv[1]);\nstrcpy(token, "next-token");\nstrncpy(password, "", 32);\n'],
  ['a.scala', '"password" -> user.password, "token" -> "string", "password" -> "Password"\n'],
  ['a.md', 'Rename "password" to "Passphrase2" -> done.\n'],
  ['a.php', `echo "password is: ".$row['password2']."<br>";\n`],
  [
    'a.py',
    String.raw`SECRET_KEY = b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\xff\xfe'` +
      '\n' +
      String.raw`first_token = b'\x93\x1f\xa4\x07\xd8Q\xee\x02\x9b\x7f\xc3Z'` +
      '\n',
  ],
  ['a.psd1', '    SA_Password = ConvertTo-SecureString $Typed -AsPlainText\n'],
  ['a.tf', 'admin_password                   = "optional(sensitive(string))"\n'],
  ['a.ino', 'char auth[] = "Your Auth Token here";\nchar auth[] = "";\n#define WITH_AUTH "basic"\n'],
  [
    'a.md',
    `curl -H "Authorization: Bearer ${['eyJhbGciOiJub25lIiwi', 'dHlwIjoiSldUIn0.eyJzdWIiOiIxMjMifQ.'].join('')}"\n`,
  ],
  ['a.kt', `const val API_KEY = "goog_${['kBzTmlxZhXvJdk', 'rWHmxRrORyBtr'].join('')}"\n`],
  ['stack.yml', `  DbPassword:\n    Type: String\n    Default: !Ref Other2\n  Name:\n    Default: ${K}\n`],
  ['stack.yml', `  DbPassword:\n    Type: String\n  Tags:\n    Value: ${K}\n`],
  ['action.yml', 'inputs:\n  token:\n    required: true\n    default: ${{ github.token }}\n'],
  ['a.json', '{"token": {"type": "string", "default": "access_token_2"}, "password": {"value": ""}}'],
  ['a.js', "password: { type: String, label: 'Your password1' }, other: { default: 'X1!aaaa' }"],
  ['nginx.conf', 'proxy_set_header X-Api-Key $http_x_api_key;\nset $token $arg_token_2;\n'],
  [
    'serverless.yml',
    '  password: ${ssm:/app/db/pw-77Q}\n  token: ${env:X-77Q}\n  secret: ${self:custom.s-77Q}\n',
  ],
  ['a.yml', '  password: ${vault:secret/data/db#pw-77Q}\n'],
  ['a.sql', `CREATE USER 'jo'@'%' IDENTIFIED WITH mysql_native_password AS '*${H40.toUpperCase()}';\n`],
  ['a.sql', `CREATE USER 'jo' IDENTIFIED WITH 'caching_sha2_password' AS '$A$005$x${K}${K}';\n`],
  ['a.sql', `GRANT ALL ON *.* TO 'jo'@'%' IDENTIFIED BY PASSWORD '*${H40.toUpperCase()}';\n`],
  ['a.sql', 'ALTER USER root IDENTIFIED WITH auth_socket;\n'],
  ['a.yml', '  password: "{{ pw | password_hash(\'sha512\') }}"\n'],
  ['a.py', `ENCRYPTION_KEY_SHA256 = "${K}"\nPASSWORD_MD5 = "checksum-9"\n`],
  ['settings.xml', '<password>{COQLCE6DU6GtcS5PqkKtg34=}</password>'],
  [
    'a.env',
    `ALGOLIA_SEARCH_KEY=${H32}\nNEXT_PUBLIC_ALGOLIA_SEARCH_API_KEY=${H32}\nDOCSEARCH_API_KEY=${H32}\n`,
  ],
  ['a.env', `MEILISEARCH_SEARCH_KEY=${H32}${H32}\nTYPESENSE_SEARCH_ONLY_API_KEY=${K}\n`],
  ['a.js', `docsearch({ appId: 'X', apiKey: '${H32}', indexName: 'docs' })`],
  [
    'docusaurus.config.js',
    `algolia: {\n  appId: 'X',\n  // shown\n  apiKey: '${H32}',\n  indexName: 'a',\n},`,
  ],
  ['a.rb', `AlgoliaSearch.configuration = { application_id: 'X', search_api_key: '${H32}' }`],
  ['a.env', `MIXPANEL_TOKEN=${H32}\nMIXPANEL_PROJECT_TOKEN=${H32}\nAMPLITUDE_API_KEY=${H32}\n`],
  ['a.swift', `Mixpanel.initialize(token: "${H32}")`],
  ['a.js', `amplitude: { apiKey: '${H32}' },\nmixpanelToken: '${H32}'`],
  ['a.env', `PUSHER_APP_KEY=${H32.slice(0, 20)}\nPUSHER_KEY=${H32.slice(0, 20)}\n`],
  ['a.env', `SEGMENT_WRITE_KEY=${K}${K.slice(0, 8)}\nREACT_APP_SEGMENT_KEY=${K}${K.slice(0, 8)}\n`],
  ['a.js', `AnalyticsBrowser.load({ writeKey: '${K}${K.slice(0, 8)}' })`],
  ['a.js', `Sentry.init({ dsn: 'https://${H32}@o1.ingest.sentry.io/2' })`],
  ['a.env', `VAPID_KEY=BNx${K}${K}${K}${K.slice(0, 12)}\nSTRIPE_KEY=pk_live_${K}\n`],
]
/** The same engines' keys that may do more, and secrets beside what is shown. */
export const keptBack: readonly (readonly [path: string, text: string, value?: string])[] = [
  ['a.env', `AZURE_SEARCH_KEY=${K}\n`, K],
  ['a.env', `MEILI_MASTER_KEY=${K}\n`, K],
  ['a.js', `algolia: { appId: 'X', apiKey: '${H32}' }`, H32],
  ['a.js', `algoliasearch.configure({ apiSecret: '${K}', indexName: 'a' })`, K],
  ['a.env', `MIXPANEL_API_SECRET=${H32}\n`, H32],
  ['a.env', `AMPLITUDE_SECRET_KEY=${H32}\n`, H32],
  ['a.env', `PUSHER_APP_SECRET_FOR_TESTS=${H32.slice(0, 20)}\n`, H32.slice(0, 20)],
  ['a.env', `STRAVA_CLIENT_SECRET_FOR_TESTS=${H40}\n`, H40],
  ['a.env', `KEEN_WRITE_KEY=${K}\n`, K],
]
