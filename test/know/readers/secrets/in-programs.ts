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
  ['a.py', `FAKE_SECRET_ID = '${K}'\ndummy_password = '${P}'\n`],
]
