import { P } from './written-down.ts'

/** A key as machines make them, and digests; all made up. */
const K = ['k7Qx02mzq77L', 'wPd81hXt3vB9'].join('')
const H32 = ['9f3c1b7ae2d04586', 'b1c73e9af05d2c8b'].join('')
const H64 = H32 + ['c07e51d9a2b84f36', 'e8d1905c7ab34f2e'].join('')
const UUID = ['7c1e5b90-3d4f-4a', '68-b2e7-51f09c8d3a46'].join('')
/** As long as base64 of 512 bytes. */
const LONG = (H64 + H32).replace(/(.)(.)/g, (_, a, b) => `${a}Q${b}k`).repeat(4)

/** How settings of programs name what is secret, where the name alone tells it. */
export const set: readonly (readonly [path: string, text: string, value?: string])[] = [
  ['web.config', `<add key="AcmeWorkingKey" value="${H32.toUpperCase()}" />`, H32.toUpperCase()],
  ['app.config', `<add key="AcmeSaltKey" value="${UUID}" />`, UUID],
  ['App.config', `<setting name="AcmeKey" serializeAs="String"><value>${K}</value>`, K],
  ['.acme.config', `[acme]\napi_key=${K}\n`, K],
  ['acme.config', `{"apiKey": "${K}"}`, K],
  ['application.properties', 'app.jwt.secret=quietrivers\n', 'quietrivers'],
  ['Info.plist', `<key>AcmeLoginKey</key>\n<string>${H64}</string>`, H64],
  ['config.py', `WTF_CSRF_SECRET_KEY = "${K}"\n`, K],
  ['config.py', "SECRET_KEY = 'Violet'\n", 'Violet'],
  ['config.py', "SECRET_KEY = os.environ.get('SECRET_KEY') or 'kt4178'\n", 'kt4178'],
  ['config.py', "SECRET_KEY = '\\xd1?b\\x8c\\\\\\xfe\\xa4;\\x0c\\xcdKq'\n", '\xd1?b\x8c\\\xfe\xa4;\f\xcdKq'],
  ['config.py', `ACCESS_TOKEN_SECRET = ' ${K}'\n`, ` ${K}`],
  ['config.py', `ACME_API_KEY = ' ${K} '\n`, K],
  ...[
    '$Quiet,rivers7',
    ',a-Kx9:zz81',
    '&kj8-Js92Lq.',
    '.Ab-12cd>9x+',
    'goog-Kx92-rivers77',
    'appl_ProdKey_8812',
    'Summer(a(b)c)',
    'kB7(qz(1)r)',
  ].map(password => ['a.env', `PASSWORD=${password}\n`, password] as const),
  ['app/config/parameters.yml', 'parameters:\n    secret: QuietRiversAcmeShop\n', 'QuietRiversAcmeShop'],
  [
    'app/config/parameters_prod.yml',
    'parameters:\n    secret: ThisIsTheSecretOfTheAcmeShop\n',
    'ThisIsTheSecretOfTheAcmeShop',
  ],
  ['application.yml', `jwt:\n  secret-key: ${LONG}\n`, LONG],
  ['application.yml', `pay_hash_key: '${K}'\n`, K],
  ['application.yml', `merchant_hash_key: "${H32}"\n`, H32],
  ['application.yml', `storage_sk: "${K}"\n`, K],
  ['application.yml', `baidu_sk: "${H32}"\n`, H32],
  ['a.js', `csrfKey: "${K}",`, K],
  ['config.yml', `jwt_key_pass_phrase: '${P}'\n`],
]
/** What stands in such files and is none. */
export const unset: readonly (readonly [path: string, text: string])[] = [
  ['database.yml', '#   DATABASE_URL="postgres://myuser:mypass@localhost/somedatabase"\n'],
  ['LocalSettings.php', '$wgPasswordSender = "apache@localhost";\n'],
  ['a.py', `config.subscribe_key = 'sub-c-${UUID}'\n`],
  ['config.py', "SECRET_KEY = 'JWT_SECRET_KEY'\nJWT_SECRET = 'jwtSecretName'\n"],
  ['app/config/parameters.yml', 'parameters:\n    secret: ThisTokenIsNotSoSecretChangeIt\n'],
  ['values.yaml', 'secret: QuietRiversAcmeShop\njwtSecret: quietrivers\n'],
  ['a.tf', 'hash_key = "GameTitle"\nname_sk = "Slovensko"\n'],
  ['a.json', `{"customer_sk": "${H32}", "product_sk": "${H32}41d7e06c", "order_sk": "${H64}"}`],
  ['a.yml', 'entity_sk: 01HZX3NDEKTSV4RRFFQ69G5FAV\nprofile_sk: "USER#k7Qx02mzq77LwPd8"\n'],
  ['a.yml', `gsi1_sk: ${K}\n`],
  ['a.py', `cache_hash_key = "${H32}"\nfile_hash_key = "${H32}"\ncsrf_session_key = "${K}"\n`],
  ['a.js', 'csrfKey: "csrf_form_4f",'],
  ['app.config', '<add key="RegistryKey" value="Acme\\A1b2C3d4e5"/>'],
  ['app.config', '<add key="AcmeLoginKey" value="HKLM\\Soft\\A1b2C3d4e5"/>'],
  ['config.py', "SECRET_KEY = 'development'\nJWT_SECRET = 'insecure'\nSESSION_SECRET = 'django.core'\n"],
  ['application.yml', 'secret_key: vault-path\njwt_secret: aws_kms\nsession_secret: "memory"\n'],
  ['a.py', 'jwt_secret = "\\u0001\\u00e9\\u00fc abc def gh\\u00df ij"\n'],
  ['a.tf', 'password = "optional(sensitive(string))"\ntoken = "optional(list(string), null)"\n'],
  ['a.sh', 'getopt -o "u:" -l user:,password:,--host:,port:\n'],
  ['a.sh', 'getopt -l "user:,password:,verbose,host:"\n'],
  ['a.php', "$password = '.$user->login.';\n"],
  ['a.php', `$password = ".$user['login'].";\n`],
  ['a.ts', `password: 'goog_kQxWzPtRvLmNbHgFdSaYcEuJoIi',`],
]
