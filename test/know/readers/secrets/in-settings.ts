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
  ['application.properties', 'app.jwt.secret=quietrivers\n', 'quietrivers'],
  ['Info.plist', `<key>AcmeLoginKey</key>\n<string>${H64}</string>`, H64],
  ['config.py', `WTF_CSRF_SECRET_KEY = "${K}"\n`, K],
  ['config.py', "SECRET_KEY = 'Violet'\n", 'Violet'],
  ['config.py', "SECRET_KEY = os.environ.get('SECRET_KEY') or 'kt4178'\n", 'kt4178'],
  ['config.py', "SECRET_KEY = '\\xd1?b\\x8c\\\\\\xfe\\xa4;\\x0c\\xcdKq'\n", '\xd1?b\x8c\\\xfe\xa4;\f\xcdKq'],
  ['config.py', `ACCESS_TOKEN_SECRET = ' ${K}'\n`, ` ${K}`],
  ['config.py', `ACME_API_KEY = ' ${K} '\n`, K],
  ['a.env', 'PASSWORD=$Quiet,rivers7\n', '$Quiet,rivers7'],
  ['app/config/parameters.yml', 'parameters:\n    secret: QuietRiversAcmeShop\n', 'QuietRiversAcmeShop'],
  [
    'app/config/parameters_prod.yml',
    'parameters:\n    secret: ThisIsTheSecretOfTheAcmeShop\n',
    'ThisIsTheSecretOfTheAcmeShop',
  ],
  ['application.yml', `jwt:\n  secret-key: ${LONG}\n`, LONG],
  ['application.yml', `pay_hash_key: '${K}'\n`, K],
  ['application.yml', `storage_sk: "${K}"\n`, K],
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
]
