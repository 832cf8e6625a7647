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
]

/** What looks like these. */
export const alike: readonly (readonly [path: string, text: string])[] = [
  ['a.py', 'host, user, password = "db1.acme47", "jo77x", getpass()\n'],
  ['a.go', 'host, password := "db1.acme-77", os.Getenv("X")\n'],
]
