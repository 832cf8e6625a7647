import type { Description } from './estate.ts'
import { ENDPOINT } from './estate.ts'

/** Made here, so that nobody takes them for somebody's. */
export const PASSWORD = ['q7Vn2KxT', '9wLm4RzB'].join('')
export const OTHER_PASSWORD = ['Zt5Hc8Yd', '3uPf6JgN'].join('')

export function url(name: string, password: string, endpoint = ENDPOINT): string {
  return `postgres://${name}:${password}@${endpoint}/shop`
}

const SELECT = {
  database: 'shop',
  kind: 'table',
  column: null,
  privilege: 'SELECT',
  grantable: false,
} as const

/** One role, its password in a file that may be written and in one that may not. */
export const SHOP: Description = {
  roles: [
    {
      name: 'orders',
      password: PASSWORD,
      attributes: { createrole: true },
      memberOf: ['readers'],
      grants: [{ ...SELECT, object: 'public.item', grantor: 'postgres', grantee: 'orders' }],
    },
    { name: 'billing', password: OTHER_PASSWORD },
  ],
  files: {
    'orders/.env': `PORT=3000\nDATABASE_URL=${url('orders', PASSWORD)}\n`,
    'billing/.env': `DATABASE_URL=${url('billing', OTHER_PASSWORD)}\n`,
    'notes/setup.md': `Use ${url('orders', PASSWORD)} for now.\n`,
  },
  approved: ['**/.env'],
}
