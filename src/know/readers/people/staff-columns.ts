/** What a column is, by the words that stand over it in the exports of people systems. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  mail: ['workemail', 'email', 'mail', 'emailaddress', 'workemailaddress', 'primaryemail', 'username'],
  number: ['employeeid', 'employeenumber', 'personnelnumber', 'workerid', 'staffid', 'personid', 'id'],
  name: ['fullname', 'name', 'displayname', 'employeename', 'worker'],
  first: ['firstname', 'givenname'],
  last: ['lastname', 'surname', 'familyname'],
  team: ['team', 'squad', 'orgunit', 'group'],
  status: ['status', 'employmentstatus', 'employeestatus', 'workerstatus', 'active', 'state'],
  left: ['terminationdate', 'enddate', 'lastday', 'leavedate', 'exitdate', 'lastworkingday'],
  login: ['login', 'githublogin', 'githubusername', 'userid'],
}
const MOST_FIELDS = 200

/** Which column is which; undefined for the head line of any other table. */
export function columnsOf(head: string): ReadonlyMap<string, number> | undefined {
  const fields = fieldsOf(head, separatorOf(head)).map(field => field.toLowerCase().replace(/[^a-z]/g, ''))
  const columns = new Map<string, number>()
  for (const [what, words] of Object.entries(WORDS))
    for (const word of words) {
      const at = fields.indexOf(word)
      if (at < 0) continue
      columns.set(what, at)
      break
    }
  const isStaff = columns.has('mail') && (columns.has('status') || columns.has('left'))
  return isStaff ? columns : undefined
}

/** Of the head line, which the others follow. */
export function separatorOf(head: string): string {
  return [',', ';', '\t'].reduce((best, one) =>
    head.split(one).length > head.split(best).length ? one : best,
  )
}

/** https://www.rfc-editor.org/rfc/rfc4180 */
export function fieldsOf(record: string, separator: string): string[] {
  const fields: string[] = []
  let field = ''
  let quoted = false
  for (let at = 0; at < record.length && fields.length < MOST_FIELDS; at++) {
    const sign = record[at]!
    if (quoted && sign === '"' && record[at + 1] === '"') field += record[at++]
    else if (sign === '"') quoted = !quoted
    else if (sign === separator && !quoted) {
      fields.push(field)
      field = ''
    } else field += sign
  }
  return [...fields, field]
}
