import { P } from './written-down.ts'

const wide = (text: string) => Buffer.from(text, 'utf16le').toString('base64')

/** Passwords under names of other languages and short ones, and where a script or a test is asked for one. */
export const named: readonly (readonly [path: string, text: string, value?: string])[] = [
  // Names
  ['config.php', `$mdp = '${P}';\n`],
  ['db.php', "$login = 'root';\n$mdp = 'soleil';\n$bd = 'shop';\n", 'soleil'],
  ['profils.py', 'PROFILS = {"direction": {"mdp": "direction2026"}}\n', 'direction2026'],
  ['Connexion.java', `private static final String MOT_DE_PASSE = "${P}";\n`],
  ['config.yml', `mot_de_passe: ${P}\n`],
  ['config.ini', `usuario=admin\nclave=miperro\n`, 'miperro'],
  ['conexion.php', "$clave = 'miPerro77';\n", 'miPerro77'],
  ['Baglanti.cs', 'string sifre = "Ankara06";\n', 'Ankara06'],
  ['cfg.py', `parola = "${P}"\n`],
  ['a.py', `salasana = "${P}"\nport = 1\n`],
  ['a.yml', `db:\n  user: jo\n  pw: ${P}\n`],
  ['a.py', `psw = "${P}"\n`],
  ['main.ino', `#define WIFI_PSK "${P}"\n`],
  // Tests
  ['a.test.js', `await page.fill('input[name="password"]', '${P}')\n`],
  ['a.test.tsx', `await userEvent.type(screen.getByLabelText('Password'), '${P}')\n`],
  ['a.test.tsx', `await user.type(screen.getByLabelText(/password/i), '${P}')\n`],
  ['ATest.java', `driver.findElement(By.id("password")).sendKeys("${P}");\n`],
  // Files of programs
  ['inventory.ini', `[web]\nweb1 ansible_ssh_pass=${P} ansible_port=22\n`],
  ['app.service', `[Service]\nEnvironment=DB_PASSWORD=${P} PORT=1\n`],
  ['ks.cfg', `user --name=jo --password=${P} --plaintext\n`],
  ['ks.cfg', `rootpw --plaintext ${P}\n`, P],
  ['login.exp', `set password ${P}\n`],
  ['.fetchmailrc', `poll mx user "jo" there with password "${P}" is jo here\n`],
  ['msmtprc', `account a\nuser jo\npassword ${P}\n`],
  ['nginx.conf', `fastcgi_param DB_PASSWORD ${P};\n`],
  ['a.bat', `wmic /node:h /user:jo /password:${P} os list\n`],
  [
    'unattend.xml',
    `<AdministratorPassword><Value>${wide(`${P}AdministratorPassword`)}</Value></AdministratorPassword>`,
  ],
  ['unattend.xml', `<Password>\n  <Value>${wide(`${P}Password`)}</Value>\n</Password>`],
  // Sentences
  ['README.md', 'Log in as `jo` with the password `Sommer2019!`.\n', 'Sommer2019!'],
  ['README.md', 'The password is Sommer2019!\n', 'Sommer2019!'],
]

/** What a password is called where a program speaks to people, and what other things are called so. */
export const translated: readonly (readonly [path: string, text: string])[] = [
  // Catalogues
  ['de.po', 'msgid "Password"\nmsgstr "Passwort"\n'],
  ['messages_es.properties', 'clave=Clave\npassword=Contrase\\u00f1a\n'],
  ['messages_ru.properties', 'password=\\u041f\\u0430\\u0440\\u043e\\u043b\\u044c\n'],
  ['Labels.properties', 'password=Has\\u0142o\npasswordAgain=Powt\\u00f3rz\n'],
  ['fr.json', '{"mot_de_passe":"Mot de passe","mdp":"Mot de passe oublié"}'],
  ['turkish.json', '{"sifre":"Şifre","parola":"Parola","password":"Şifre"}'],
  ['labels.json', '{"password":"パスワード","senha":"Senha","haslo":"Hasło"}'],
  ['km.json', '{"passwordHide":"លាក់ពាក្យសម្ងាត់"}'],
  ['german.php', "$text['password'] = 'Passwort:';\n$text['kennwort'] = 'Kennwort';\n"],
  ['Resources.de.resx', '<data name="Password" xml:space="preserve"><value>Losung</value></data>'],
  ['a.html', '<label for="password">Password1</label><option value="password">Losung</option>'],
  // Keys, words and processes
  ['a.py', 'datos = {"clave": "valor", "clave1": "valor1"}\n'],
  ['columnas.js', "{ clave: 'start_time', titulo: 'Inicio' }, { clave: 'AUTH.REGLA_MIN_8' }\n"],
  ['estados.json', '{"clave": "01", "nombre": "Aguascalientes"}'],
  ['a.py', 'parola = "casa"\nparole = ["uno", "due"]\n'],
  ['rl.py', 'mdp = "gridworld-v0"\n'],
  ['a.py', 'models = {"MDP": "D:/rl/models/mdp_policy.pkl"}\n'],
  ['plot.py', 'pw = "100%"\n'],
  ['a.css.js', "{ pw: '12px', ph: '200mm' }\n"],
  ['a.py', 'palabra_clave = "Verano2019"\n'],
  ['tela.js', 'desenha = "Tela-2019"\n'],
  // No value
  ['a.php', "$clave = $_POST['clave'];\n$senha = sha1($_POST['senha']);\n"],
  ['a.html', '<input type="password" name="senha" placeholder="Digite sua senha">'],
  ['a.sql', 'CREATE TABLE u (clave VARCHAR(50), senha varchar(255), mdp CHAR(40));\n'],
  ['ks.cfg', 'rootpw --lock\n'],
  ['a.sh', 'vault kv put secret/db password=@pw1.txt\n'],
  ['a.properties', 'password=@db.password2@\n'],
  ['values.yaml', 'passwordKey: postgres-password1\n'],
  ['a.yml', 'update_password: on_create\n'],
  ['postinst', '# /etc/passwd: mysql:x:100:101:MySQL Server:/nonexistent\n'],
  ['a.yml', 'passwords:\n  - must be 8 characters\n  - "{{ vault_pw1 }}"\n'],
  ['a.js', "await page.fill('#password', process.env.PW1)\nawait page.type('#token', '#login1')\n"],
  ['a.md', 'Pass `--disable-warning=FSTWRN004` to it. The password `user_name2` field is gone.\n'],
  ['a.md', 'The password is UTF-16 encoded, and the passphrase is SHA256-based.\n'],
]
