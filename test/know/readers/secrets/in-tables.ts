import { P } from './written-down.ts'

/** A key as machines make them; made up. */
const K = ['k7Qx02mzq77L', 'wPd81hXt3vB9'].join('')

/** How pages and exports show secrets in cells: where, the text, and what is to be found. */
export const tabled: readonly (readonly [path: string, text: string, value?: string])[] = [
  ['a.html', `<tr><td>Password</td><td>${P}</td></tr>`],
  ['a.html', `<tr>\n  <td>Password</td>\n  <td>${P}</td>\n</tr>\n`],
  ['a.html', `<tr><th scope="row">API token</th><td class="v"><code>${K}</code></td></tr>`, K],
  ['a.html', `<tr><td><b>API key:</b></td><td>${K}</td></tr>`, K],
  ['a.html', `<dt>Passwort:</dt><dd>${P}</dd>`],
  ['a.html', `<td>Password</td><td>Falcon2017</td>`, 'Falcon2017'],
  ['a.html', `<td>Password</td><td>a&amp;B-77</td>`, 'a&B-77'],
  ['a.html', `<li><strong>Password:</strong> ${P}</li>`],
  ['a.html', `<p><b>Secret</b>: ${K}</p>`, K],
  ['a.html', `<span class="k">password</span>: <span class="s">&#x27;${P}&#x27;</span>`],
  ['wiki.md', `<tr><td>Password</td><td>${P}</td></tr>\n`],
  [
    'a.html',
    `<table class="t">\n<thead>\n<tr><th>User</th><th>Password</th><th>Role</th></tr></thead>\n<tr><td>jo</td><td>${P}</td><td>Admin1_x</td></tr></table>`,
  ],
  [
    'a.html',
    `<table><tr><td>Name</td><td>API key</td></tr><tr><td>main</td><td>${K}</td></tr></table><table><tr><td>x</td><td>${K.toLowerCase()}</td></tr></table>`,
    K,
  ],
  ['a.csv', `login;password;role\njo;${P};admin\n`],
  ['a.csv', `id;api_key;note\n1;${K};main\n`, K],
  ['a.csv', `name;value\napi_token;${K}\n`, K],
  ['a.csv', `"Name";"Login";"Password"\n"Acme";"jo";"${P}"\n`],
  ['a.sql', `INSERT INTO settings (name, value) VALUES ('smtp_password', '${P}');\n`],
  [
    'a.sql',
    `INSERT INTO wp_options (option_id, option_name, option_value) VALUES (7, 'api_token', '${K}');\n`,
    K,
  ],
]

/** What pages and exports say about secrets in cells. */
export const described: readonly (readonly [path: string, text: string])[] = [
  ['a.html', '<tr><td>Password</td><td>string</td><td>required</td></tr>'],
  ['a.html', '<tr><td>password</td><td>VARCHAR2(30)</td></tr><tr><td>Token</td><td>Base64-encoded</td></tr>'],
  ['a.html', '<tr><th>Token</th><td><?= $token ?></td></tr>'],
  ['a.html', '<tr><td>Password:</td><td><input type="password" name="pw"></td></tr>'],
  ['a.html', '<li><strong>Password:</strong> At least 8 characters</li><td>Password</td><td>{{pw}}</td>'],
  ['a.html', `<a href="#token">token</a> ${K}</p>`],
  ['a.xml', `<name>token</name>\n<type>${K}</type>`],
  ['a.json', `{"documentation": "<p>When <code>password</code> expires.</p>"}`],
  ['a.html', `<table><tr><th>Password</th><th>Key</th></tr></table><table><tr><td>${P}</td></tr></table>`],
  ['a.csv', 'name;password_required;token_type\njo;true;bearer\n'],
  ['a.csv', 'parameter;text\npassword;of the user\ntoken;base64UrlString\n'],
  ['a.js', `return token;\nsecret;${K}\n`],
  ['a.sql', "INSERT INTO texts (name, value) VALUES ('password', 'Passwort');\n"],
  ['a.sql', "INSERT INTO roles (name, value) VALUES ('reset_password', 'Reset of 2024');\n"],
]
