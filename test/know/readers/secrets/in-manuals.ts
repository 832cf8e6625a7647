const HEX16 = ['48205d4f', 'fd7feba3'].join('')
const FINGERPRINT = ['C0FCF8642D830C532462', '11400346653590B3795B'].join('')

/** What manuals, logs, schemas and a system's own files print beside the words, and what is no secret. */
export const printed: readonly (readonly [path: string, text: string])[] = [
  // Fields of a line, as /etc/passwd has them, and lines of it that a search prints
  ['passwd.5', 'login:passwd:UID:GID:user_name:directory:shell\n'],
  ['a.md', 'The line is `account:password:uid:gid:home`.\n'],
  ['keyserver.1', '\\fBhostname:port:user:password:base_dn:flags\\fR\n'],
  ['session.txt', '$ grep eli /etc/passwd\n/etc/passwd:eli:x:2098:1000:Eli:/srv/eli:/bin/sh\n'],
  ['nsswitch.conf', 'passwd:         files systemd\ngroup:          files systemd\n'],
  ['nsswitch.conf', 'passwd:         compat\n'],
  // Manual pages
  ['tool.8', '\\fB\\-P\\fP,\\ \\fB\\-\\-passwd=DATEI\\fP\n'],
  ['tool.8', '\\fB\\-\\-passwd=ФАЙЛ\\fP\n'],
  ['tool.info', 'Set it, equivalent to ‘--http-password=STRING’.\n'],
  ['tool.1', 'what is known of a login by password (see also \\fB\\-a\\fP).\n'],
  // Types whose names end in the word
  ['types.py', `TYPES = {\n    "AWS::SecretsManager::Secret": "${HEX16}",\n}\n`],
  ['types.json', `{"Acme::Iam::AccessKey": "${HEX16}"}`],
  ['policy.json', '{"Resource": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:snow-XHb67j"}'],
  // Programs
  ['a.vim', '  let s:netrw_passwd = g:netrw_passwd\n'],
  ['a.vim', '  let pwd = a:dict.istemp ? a:dict.tmpdir : ""\n'],
  ['Keys.java', 'static final String TOKEN_KEY = "fs.s3.cse.kms.keyId";\n'],
  ['a.pl', 'my $pass = shift || die "Usage: $0 user password";\n'],
  ['schema.json', '{"pattern": "https://acme\\\\.test/hooks\\\\?token=[A-Za-z0-9\\\\-]+"}'],
  ['a.md', 'Set `{ \\"diskPassword\\":\\"<i>internal-disk-2_password</i>\\" }`.\n'],
  // Templates and links, which look like strings of Ruby and Lua
  ['setup.cfg', 'password = %(db_pass_2)s\n'],
  ['a.py', 'DSN = "user=%(user_1)s password=%(db_pass_2)s"\npassword = %(db_pass_2)s\n'],
  ['logstash.conf', 'password => %{pass_word_1}\n'],
  ['a.txt', 'The password: [[Wiki:Page_9]]\n'],
  // Logs and changes
  ['check.log', 'PASS: gdb.cp/cpexprs-debug-types.exp: continue to base\n'],
  ['changelog', '\t* man/old/chpasswd.8: s/protect/protected/\n'],
  [
    'report.html',
    '<a href="auth/EmptyPassword.jtr">sun/security/krb5/auto/EmptyPassword.java</a>: it works\n',
  ],
  ['NEWS', '    - log: recover commit_pass2\n    - ext4: fix the check of its context\n'],
  ['NEWS.txt', ' - !2023 fix tls_password\n - !2025 [th/cleanup] two patches\n'],
  ['METADATA', '- RFC7519: JSON Web Token\n- RFC7520: Examples of signing\n'],
  ['notes.yaml', 'changes:\n  - rename the db_password\n  - ext4-fix-2: done\n'],
  // Sentences
  ['api.json', '{"doc": "<p>The Windows password is generated at boot by its service.</p>"}'],
  ['api.json', '{"doc": "If the password is temporary, the user changes it."}'],
  ['manual.html', '<p>The length of the passphrase is limited to 1024 bytes.</p>'],
  ['manual.html', 'printf(&quot;Password is incorrect.&quot;);'],
  // What is public, or told again and again
  ['a.sh', `gpg-server --install-key ${FINGERPRINT} user@acme.test\n`],
  ['inspect.json', `{"Env": ["GPG_KEY=${FINGERPRINT}"]}`],
  ['wget.info', 'ask_password = on/off\n'],
  ['smb.conf', 'passwd chat = *New*UNIX*password* %n\\n *updated*\n'],
  ['Netrc.pm', 'default login anonymous password user@site\n'],
  ['README.md', "npmrc: { '//registry.acme.test/:_authToken': 'npm_token' }\n"],
  ['npmrc.md', '//other.acme.test/:_authToken=MYTOKEN1\n'],
  ['README.md', "_authToken: 'deadbeefcafebad',\n"],
  ['waf.json', '{"LockToken": "2294b3a1-eb60-4aa0-a86f-a3ae04329de9"}'],
  ['waf.sh', 'aws waf update --change-token 12cs345-67cd-890b-1cd2-c3a4567d89f1\n'],
  ['logs.json', '{"nextSequenceToken": "49542672486831074009579604567900991230"}'],
]
