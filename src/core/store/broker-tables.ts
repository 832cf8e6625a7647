/** `issuing` → `active` → `ending` → `ended`, or `refused` where nothing came to stand. */
type LeaseState = 'issuing' | 'active' | 'ending' | 'ended' | 'refused'

export interface LeaseTable {
  id: string
  /** Of its definition. */
  name: string
  kind: 'credential' | 'token'
  /** The run that issues and revokes it; none where nothing outside is changed. */
  run_id: string | null
  /** The identity that it is like. */
  entity_id: string | null
  /** JSON: whom it was given to, as it was attested. */
  workload: string
  task: string | null
  /** A JSON list. */
  scopes: string
  ttl_seconds: number
  /** Who has the handle may look at the lease and end it. */
  handle_digest: string
  /** JSON: the policies that let it through, and their version. */
  decision: string
  /** The process that it ends with, where it is for one. */
  holder: string | null
  state: LeaseState
  created_at: number
  not_after: number
  ended_at: number | null
  ended_why: string | null
  /** Its end is not tried again before. */
  next_at: number | null
  failures: number
  /** The lease whose token it was exchanged from: it ends with that one. */
  parent_id: string | null
  /** JSON: who acts for whom it was given to, the last one first; none where nobody does (RFC 8693, `act`). */
  actors: string | null
  /** Leases that agree in it were decided alike, and are decided again as one. */
  decided_alike: string | null
}

/** What a person hands to a workload that can prove nothing else yet. It is good once. */
export interface JoinTokenTable {
  id: string
  digest: string
  subject: string
  said_by: string
  created_at: number
  expires_at: number
  used_at: number | null
}

/** What was presented and is good once, kept until nobody would take it any more. */
export interface PresentedTokenTable {
  digest: string
  expires_at: number
}

/** Its public half is published from when it is made until `gone_at`; it signs from `signs_from` on. */
export interface SigningKeyTable {
  id: string
  algorithm: 'EdDSA' | 'ES256'
  signs: 'access-token' | 'jwt-svid'
  /** A public JWK, as JSON. */
  public_key: string
  sealed: string
  created_at: number
  signs_from: number
  gone_at: number
}

/** Policies as they came into force; the latest are in force where those on the disk cannot be used. */
export interface PolicySetTable {
  id: string
  version: string
  /** JSON: `{ [file]: text }`. */
  files: string
  at: number
}

/** What the policies permit once a person has approved it; good for one lease. */
export interface ApprovalTable {
  id: string
  lease: string
  /** Who asks: an approval is of nobody else, and of nothing else. */
  issuer: string
  subject: string
  /** JSON: scopes, time, task, and who acts for whom. */
  asked: string
  asked_at: number
  /** Until when it may be approved, and then until when it may be used. */
  expires_at: number
  approved_at: number | null
  said_by: string | null
  used_at: number | null
}
