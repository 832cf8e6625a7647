import type { StepHandler } from '../step.ts'
import { endSessions, freeze, narrow, resume, revoke, suspend, thaw } from './cut.ts'
import { issue, rotate } from './issue.ts'
import { prove } from './prove.ts'
import { remove } from './remove.ts'
import { reload } from './reload.ts'
import { withdraw } from './withdraw.ts'
import { write } from './write.ts'

/** Every verb that reaches outside. Nothing else calls a method that changes anything there. */
export const verbs: Readonly<Record<string, StepHandler>> = {
  freeze,
  thaw,
  narrow,
  issue,
  rotate,
  write,
  reload,
  suspend,
  resume,
  'end-sessions': endSessions,
  revoke,
  remove,
  withdraw,
  prove,
}
