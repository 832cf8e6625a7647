/**
 * What may stand between a key and its value, tried in this order. A rule of the structure `assignment` says only the
 * words; the rest of the key's name and this follow. What a separator means is for assignment.ts to say.
 */
const SEPARATORS = [
  // `name: DB_PASSWORD, value: x` in YAML, JSON, HCL, XML and programs, with at most one entry between; and CloudFormation's
  // `ParameterKey=DBPassword,ParameterValue=x`.
  String.raw`["']?(?:,\s{0,60}|\s{1,60})(?:["']?[A-Za-z_]{1,20}["']?[ \t]{0,4}[:=][ \t]{0,4}["']?[A-Za-z]{1,20}["']?(?:,\s{0,60}|\s{1,60}))?["']?(?:[a-z]{1,12}:|Parameter)?value["']?[ \t]{0,8}[:=][ \t]{0,8}`,
  // `variable "db_password" { default = "x"`
  String.raw`["'][ \t]{1,4}\{\s{1,40}(?:[^{}]{0,300}?\s)?default[ \t]{0,8}=[ \t]{0,8}`,
  // `"--password", type=str, default="x"`, `name = "token", defaultValue = "x"`
  String.raw`["'],(?:[^()\[\]]{0,80}?[\s,])?default(?:_?[vV]alue)?[ \t]{0,2}[=:][ \t]{0,2}`,
  // `<key>password</key><string>x`, `<name>password</name><value>x`, `<setting name="Password"><value>x`, `<Password><Value>x`,
  // `<param-name>password</param-name><param-value>x`
  String.raw`(?:["'][^<>\n]{0,80}|</[A-Za-z\-]{1,20})?>\s{0,60}<(?:[A-Za-z]{1,20}:)?(?:(?:param-)?[vV]alue|string|stringProp)(?: [^<>\n]{0,80})?>`,
  // `password is "x"`, `password for user "a" is "x"`, `Password for jo: x`
  String.raw`[ \t]{1,3}(?:(?:(?:for|of)[^\n.]{1,60}?[ \t])?is:?|(?:for|of)[ \t][^\n.:"'\x60]{1,40}:)[ \t]{1,3}`,
  // `password: string = "x"`, `password: &str = "x"`, `password: []const u8 = "x"`, `password string = "x"`, `char password[] = "x"`
  String.raw`\??:[ \t]{0,4}(?:[&A-Za-z'\[\]<>|_.?: ]{1,40}|\[[0-9:_]{0,4}\]const u8)[ \t]=[ \t]{1,8}`,
  // `Password : constant String := "x"` of Ada
  String.raw`[ \t]{0,8}:[ \t]{1,4}(?:constant )?[A-Za-z_.]{1,40}[ \t]{1,4}:=[ \t]{1,4}`,
  String.raw`(?:\[[0-9A-Z_]{0,24}\](?: [A-Z]{1,12})?|[ \t]{1,4}(?:As[ \t])?[*&]?[A-Za-z.\[\]]{1,20})[ \t]{0,4}=[ \t]{1,8}`,
  // `string Password { get; set; } = "x"`, `std::string password{"x"}`
  String.raw`[ \t]{1,4}\{[^{}\n"']{0,40}\}[ \t]{0,4}=[ \t]{0,8}`,
  String.raw`\{[ \t]{0,4}`,
  // `| `PASSWORD` | x |`, `| **Password** | x |`
  String.raw`(?:\x60|\*\*)[ \t]{0,16}\|`,
  // `"password" => `, `password := `, `['password'] = `, `${PASSWORD:-`, `TOKEN || `, `password == `, `PASSWORD ?= ` and
  // `::=` of make, `$password .= `; `\"password\": `, where a string goes over several lines; and `**Password**: ` of Markdown
  String.raw`(?:\\(?:\\\\)?)?(?:["'\x60]?\]?|\*\*?)[ \t]{0,48}(?:=>|:{1,3}=|:-|\|\|=?|\?\?=?|[?+.]=|===?|!==?|<-|=|:)[ \t]{0,64}`,
  // `"password" -> "x"` of Scala, `"password" to "x"` of Kotlin
  String.raw`["'][ \t]{1,4}(?:->|to)[ \t]{1,4}`,
  // `os.environ.get("PASSWORD") or "x"`, `getenv('PASSWORD') ?: 'x'`, `env::var("PASSWORD").unwrap_or("x"`
  String.raw`["']\)\s{1,40}(?:or|\|\||\?\?|\??:)[ \t]{1,4}`,
  // and `get("#password").type("x")`, `findElement(By.id("password")).sendKeys("x")`
  String.raw`["'](?:\]["'])?\){1,2}\.(?:unwrap_or|unwrap_or_else|orElse|getOrElse|send_keys|sendKeys|fill|type|setValue)\((?:\|[a-z_]?\|[ \t]{0,4})?`,
  // `define('DB_PASSWORD', `, `{password, `, `type('[name="password"]', `, `type(getByLabelText('Password'), `, and `"--password"`
  // before the next argument in a list of YAML
  String.raw`(?:(?:["'](?:\]["'])?|\]["'])\)?)?[ \t]{0,8},\s{0,32}`,
  String.raw`["']?\r?\n[ \t]{0,40}-[ \t]{1,4}`,
  // `<password>`, `<property name="password">`
  String.raw`["']?(?: [^<>\n]{0,60}| [A-Za-z:]{1,20}="[^"<>\n]{0,200}")?>`,
  String.raw`\([ \t]{0,4}`,
  // `DB-PASSWORD PIC X(8) VALUE "x"` of COBOL, `password TYPE string VALUE 'x'` of ABAP
  String.raw`[ \t]{1,32}(?:PIC|TYPE)[ \t]{1,8}[A-Za-z0-9_()]{1,24}(?:[ \t]{1,4}LENGTH[ \t]{1,4}[0-9]{1,4})?[ \t]{1,8}VALUE[ \t]{1,8}`,
  // `ENV PASSWORD x`, `--password x`
  String.raw`[ \t]{1,32}`,
  // Nothing follows: the value may stand before its name.
  String.raw`["'][ \t]{0,8}/?[>}\r\n]`,
  String.raw`\r?\n`,
  // `<td>Password</td><td>`, `<b>Password</b>: `: what follows is for html-cells.ts to say
  String.raw`</[A-Za-z]{1,8}>`,
]

/** The rest of a key's name and what separates it from its value, as a pattern with the group `separator`. */
export const SEPARATOR = String.raw`[A-Za-z0-9_.\-]{0,40}(?<separator>${SEPARATORS.join('|')})`
