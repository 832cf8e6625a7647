import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'

/**
 * What a premise's action is done to. `on`: `target` (the rule's), `self`, a policy that the actor (`own-policy`) or the target
 * (`target-policy`) has and that can be changed, a group that the actor is in. `thing`: one of that kind, as the service and the
 * end of its ARN, a star for a name; premises of one kind must all be allowed of the same one. Without, anything at all.
 */
const premise = z.strictObject({
  action: z.string().regex(/^[a-z0-9-]+:[A-Za-z]+$/),
  on: z.enum(['target', 'self', 'own-policy', 'target-policy', 'own-group']).optional(),
  thing: z
    .string()
    .regex(/^[a-z0-9-]+:[A-Za-z-]+[:/]\*([:/]\*)?$/)
    .optional(),
})

export const crossingSchema = z.strictObject({
  id: z.string().regex(/^aws(-[a-z0-9]+)+$/),
  title: z.string(),
  /**
   * What is gained. `passed-role`: any role that one of `services` may assume; `running-role`: such a role that something
   * already runs as; `assumed-role`: one that lets the actor in; `user`, `group`, `role`: that one itself. The others
   * gain everything in the account, as far as a boundary and the organization let them: `self` as the actor;
   * `administrator-by-user` and `-by-role` as the target; `assumable-role` as a target that lets the actor in;
   * `administrator-by-any-role` as any target at all; `new-user` and `new-role` as one that the actor makes. `self-unbounded` and `self-at-other-version` gain whatever the actor
   * would be able to without its boundary, or with another version of a policy of its own.
   */
  target: z.enum([
    'passed-role',
    'running-role',
    'assumed-role',
    'user',
    'group',
    'role',
    'self',
    'self-unbounded',
    'self-at-other-version',
    'administrator-by-user',
    'administrator-by-role',
    'assumable-role',
    'administrator-by-any-role',
    'new-user',
    'new-role',
  ]),
  services: z.array(z.string()).default([]),
  /** The role must be in an instance profile. */
  instanceProfile: z.boolean().default(false),
  actor: z.enum(['user', 'role']).optional(),
  /** What the target must be like, where that is known: then nothing more is needed of it. */
  ofTarget: z.enum(['password', 'no-password', 'free-key-slot']).optional(),
  /** The role is changed so that it lets the actor in: then nothing may deny the actor to assume it. */
  assumes: z.boolean().default(false),
  /** All must be allowed. */
  premises: z.array(premise).min(1),
  /** What must exist that no export of IAM shows: then the crossing is conditional. */
  needs: z.string().optional(),
  /** A sentence whose subject is the actor. */
  why: z.string(),
  references: z.array(z.url()).min(1),
})

/** One way from an AWS principal to another, or to everything; rules/crossings/aws/<id>.yaml says it. */
export type Crossing = z.infer<typeof crossingSchema>

/** Raises on a broken file: the rules are part of the program. */
export async function loadCrossings(rulesDirectory: string): Promise<Crossing[]> {
  const directory = join(rulesDirectory, 'crossings', 'aws')
  const files = (await readdir(directory)).filter(name => name.endsWith('.yaml')).sort()
  return await Promise.all(
    files.map(async name => {
      const crossing = crossingSchema.parse(parse(await readFile(join(directory, name), 'utf8')))
      if (`${crossing.id}.yaml` !== name) throw new Error(`${name} must have the id of its name`)
      return crossing
    }),
  )
}
