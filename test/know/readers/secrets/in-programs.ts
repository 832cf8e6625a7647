import { P } from './written-down.ts'

const K = ['k7Qx02mzq77L', 'wPd81hXt3vB9'].join('')

/** What programs give to a name in less usual ways, and what is told beside them. */
export const written: readonly (readonly [path: string, text: string, value?: string])[] = [
  // Several names and as many values
  ['a.py', `username, password = "jo", "${P}"\n`],
  ['a.py', `host, user, password = "db1.acme", "jo77x", "${P}"\n`],
  ['a.go', `\tuser, pass := "admin77", "${P}"\n`],
  ['a.lua', `local user, password = "jo", "${P}"\n`],
  ['a.rb', `client_id, client_secret = 'app', '${K}'\n`, K],
  ['a.js', `let user = "jo", password = "${P}", host = "x";\n`],
  ['a.py', `connect(user, password = "${P}", db = "shop")\n`],
  ['a.js', `var user, password = "${P}", host = "db";\n`],
  ['a.r', `connect(\n    host, user, password = "${P}", db = "shop")\n`],
  // Lines of a file within a string
  ['a.py', `write('USER=jdoe\\nPASS=${P}')\n`],
  ['a.py', `f.write('user = jo\\npassword = ${P}\\n')\n`],
  ['a.js', `writeFileSync('.env', 'A=1\\nAPI_TOKEN=${K}\\n')\n`, K],
  ['A.java', `"Server=a%n" + "password=${P}%n" + "\\n"`],
  ['a.kt', `val conf = """\n  login=jo\n  secret=${K}\n"""\n`, K],
  ['a.py', `text = """\npassword=${P}\nhost=db\n"""\n`],
  ['a.js', `post("token=${K}")\n`, K],
  ['a.cs', `new SqlConnection("password=${P}; Pooling=false")\n`],
  // Names that are a word by themselves
  ['a.go', `\tcred = "${K}=="\n`, `${K}==`],
  ['a.cs', `string auth = "${K}";\n`, K],
  // Comments
  ['a.js', `// admin password: ${P}\n`],
  ['a.py', `# pw: ${P}\nx = 1\n`],
  ['a.py', `x = 1  # password: ${P}\n`],
  ['a.js', `connect() // user: jo, password: ${P}, role: admin\n`],
  ['a.html', `<!-- login: jo password: ${P} -->\n`],
  // Where a default, a test or a builder gives it
  ['a.rb', `password: ENV.fetch('DB_PASS') { '${P}' }\n`],
  ['a.rb', `fill_in "Password", with: "${P}"\n`],
  ['a.rb', `fill_in('user[password]', with: '${P}')\n`],
  ['a.js', `cy.get('#password').type('${P}{enter}')\n`],
  ['a.feature', `    And I login as "jo" with password "${P}"\n`],
  ['A.java', `new ServiceBuilder("app").apiSecret("${K}")\n`, K],
  ['A.java', `    .clientSecret("${K}")\n`, K],
  // Passwords with signs that templates, sentences and paths have
  ...[
    'Qx7{}vR2mZp',
    'Qx7{5}vR2mZp9',
    'aB{f(1,2)}9kQ!z7',
    'please-let-me-in-77',
    'pretty_please_9Xq',
    'foo/bar/k7Qx02mzAB',
    'usr/bin/Xy7-Kq9',
    'My/User.Battery',
  ].map(password => ['a.env', `DB_PASSWORD=${password}\n`, password] as const),
  // What is chosen between, and what is put together
  ['a.js', `const password = isTest ? "${P}" : "x"\n`],
  ['a.js', `const password = isTest ? process.env.PW : '${P}'\n`],
  ['a.js', `password = isTest ? '' : '${P}'\n`],
  ['a.java', `String apiKey = stage == "test" ? "${K}" : other;\n`, K],
  ['a.js', `const token = '${K.slice(0, 9)}' + '${K.slice(9)}'\n`, K],
  ['A.java', `String secret = "${K.slice(0, 9)}" +\n    "${K.slice(9, 14)}"\n    + "${K.slice(14)}";\n`, K],
  ['a.php', `$password = "${P.slice(0, 4)}" . "${P.slice(4)}";\n`],
  // Elements and attributes of which one has the name and another the value, and names that others stand before
  ['web.xml', `<param-name>dbPassword</param-name>\n  <param-value>${P}</param-value>\n`],
  ['AndroidManifest.xml', `<meta-data android:name="acme.api_key" android:value="${K}" />\n`, K],
  ['a.xml', `<acme:config app-id="acme.consumerKey" app-secret="${K}" />\n`, K],
  ['a.m', `  [Acme setApplicationId:@"acme7" clientKey:@"${K}"];\n`, K],
  ['a.py', `build("x", developerKey="${K}")\n`, K],
  ['a.js', `"login=a&credential=${K}"\n`, K],
  // What a file of settings or a manual sets off
  ['nats.conf', `authorization { token: ${K} }\n`, K],
  ['nats.conf', `users: [ { user: jo, password: ${P}, role: x } ]\n`],
  ['a.properties', `users[0].password=${P}}\n`, `${P}}`],
  ['a.conf', `users { password: ${P}}x }\n`, `${P}}x`],
  ['a.yml', `password: !unsafe ${P}\n`],
  ['a.yml', `password: &pw ${P}\n`],
  ['a.rst', `The default password is \`\`${P}\`\`.\n`],
  ['a.rst', `* Password: \`\`${P}\`\`\n`],
]

/** What looks like these. */
export const alike: readonly (readonly [path: string, text: string])[] = [
  ['a.py', 'host, user, password = "db1.acme47", "jo77x", getpass()\n'],
  ['a.go', 'host, password := "db1.acme-77", os.Getenv("X")\n'],
  ['a.py', 'user, password = "jo77x", "k7Gz!" + salt\n'],
  ['a.py', 'print("name=%s\\npassword=%s\\n" % (a, b))\n'],
  ['a.py', 'code = "a\\npassword = getpass(77)\\n"\n'],
  ['a.c', 'printf("usage:\\n\\tpassword=<word>\\n");\n'],
  ['a.py', 'help = "user=NAME\\npassword=PASSWORD\\n"\n'],
  ['a.py', '# password: hashed with SHA-256\n# password: string1\n# password = get_password()\n'],
  ['a.js', '// password: min8 chars, one of A-Z0-9\n// password: base64(md5(x1))\n'],
  ['a.js', '// passwd: [a-zA-Z0-9]{8,}\n * @param password: String.Utf8\n// if password: isValid2(x)\n'],
  ['a.go', '// password: https://Acme1.io/x\n// password: ${DB_PASS1}\n'],
  ['a.html', '<!-- password: --> <p>Abc12!x</p>\n'],
  ['a.rb', 'password: ENV.fetch("DB_PASS") { read_password1 }\nfill_in "Password", with: user.password1\n'],
  ['a.rb', 'change "Password", "New password 12"\n'],
  ['a.js', "cy.get('#password').type('{enter}')\n"],
  ['a.feature', 'Given I am logged in as "jo" with password "<password>"\n'],
  ['A.java', '    .accessToken("my-token-name")\n    .clientSecret(properties.secret2())\n'],
  ['a.yml', 'password: &pw\n  user: Tr7!x\npassword: *pw\n'],
  ['a.yml', 'password: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6338366162\n'],
  ['a.yml', 'password: !secret wifi_password1\npassword: !Ref DbPassword12\n'],
  ['a.rst', 'The password is ``required``.\n* password: ``str`` the password\n'],
  ['a.rst', 'Set password: ``your-password``\nthe token is ``get_token``\npassword: ````\n'],
  ['a.py', 'run(\n  user=name\n  token=next_token2\n)\n'],
  ['a.kt', 'val t = """\n  secret=no\n  token=$token77\n  password=abc\n"""\n'],
  ['a.ini', `aws_secret_access_key = ${K}q7/Tm2SAMPLEKEY\naws_secret_access_key = ${K}q7/Tm29FAKEKEY\n`],
  ['a.js', `auth = "oauth2-code-flow-1"\nauth = 'none'\nauthority = "${K}"\n`],
  ['a.js', `const password = isTest ? "short" : other\nconst password = isTest ? form.password1 : ''\n`],
  ['a.js', `type = password ? 'text-1' : 'x'\npassword: show ? 'text' : 'password'\n`],
  ['a.js', `const token = '${K.slice(0, 9)}' + id + '${K.slice(9)}'\nconst secret = 'k7Qx02mz' + id\n`],
  ['a.js', "const password = '-- ' + 'Your password must have 8 letters' + ' or more'\n"],
  ['web.xml', '<param-name>title</param-name><param-value>The password page</param-value>\n'],
  [
    'AndroidManifest.xml',
    '<meta-data android:name="acme.api_key" android:value="@string/acme_key_2" />\n' +
      '<meta-data android:name="acme.auth_token" android:value="@integer/v2_token" />\n',
  ],
  [
    'a.kt',
    `val secret = "bfee:e3e1:9a92:6617:02d5:256a:b87a:fbcc"\nval token = "2001:db8:77::ab9:c0a8:102"\n`,
  ],
  [
    'a.kt',
    'val password = "users/form.secretPassword"\nval secret = "items/commit/16ad89c4172c259f15bce56e"\n',
  ],
  ['a.py', 'url = f"https://ci:{pat_of(secret_name)}@git.acme.test/"\npassword = "code_for_{}"\n'],
  ['a.php', '$q = "user=:user AND password=:newPassword";\n'],
  ['a.properties', 'db.password=if_you_see_this_please_use_the_K8S_secret\n'],
  ['a.py', `FAKE_SECRET_ID = '${K}'\ndummy_password = '${P}'\n`],
  ['a.py', 'password = "{0}-{1}"\npassword = "pw_{}_of/{2}"\n'],
  // Whose key a request is signed with
  [
    'a.log',
    `https://b.acme.test/x?X-Amz-Credential=${K}%2F20240101%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=1\n`,
  ],
  [
    'a.html',
    `<a href="/x?a=1&amp;X-Tos-Credential=${K}%2F20240101%2Fcn%2Ftos%2Frequest&amp;X-Tos-Date=1">x</a>\n`,
  ],
  ['a.json', `{"x-goog-credential": "${K}/20240101/auto/storage/goog4_request"}\n`],
  [
    'a.log',
    `Authorization: TC3-HMAC-SHA256 Credential=${K}/2024-01-01/cvm/tc3_request, SignedHeaders=host\n`,
  ],
  ['a.log', `Authorization: HMAC-SHA256 Credential=${K}&SignedHeaders=host;date&Signature=x\n`],
  ['a.js', `build("x", credential="${K}/20240101/us-east-1/s3/aws4_request,a")\n`],
  // What another argument or entry is given
  ['a.js', `f({ apiKey: t.key, etag: fresh ? "${K}" : y })\nf({ token: a.b, id: isX ? "${K}" : 0 })\n`],
  ['a.ts', `function f(secret: string, id = isX ? "${K}" : y) {}\n`],
  ['a.py', `p.add_argument("--public-key", help="verifies a token", default="${K}")\n`],
  ['a.py', `p.add_argument("--token-id", help="of a token", default="${K}")\n`],
]
