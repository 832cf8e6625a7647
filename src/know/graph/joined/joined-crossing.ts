import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'

/** A thing of a crossing, as its premises call it: `job`, `repository`. */
const thing = z.string().regex(/^[a-z][a-z-]*$/)

/** The name of a relation, which is an edge's crossing: `may-push`, `defined-in`. */
const relation = z.string().regex(/^[a-z][a-z0-9-]*$/)

/** An edge that a source told, or another rule gave, of one of these names. */
const relationPremise = z.strictObject({
  from: thing,
  has: z.union([relation, z.array(relation).min(1)]).transform(names => [names].flat()),
  to: thing,
})

/**
 * By the policies of the rule's system the one may do this, or any one of these, to the other: `create pods`. How an action is
 * written is the system's own; see permission-sources.ts.
 */
const permissionPremise = z.strictObject({
  from: thing,
  may: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).transform(names => [names].flat()),
  to: thing,
})

/**
 * A fact of a thing: it `is` a value, or, of a list, `includes` it. Where no source tells the fact, the premise does not hold,
 * unless `ifUnknown` says in words what would have to be so: then the crossing is conditional on that.
 */
const factPremise = z
  .strictObject({
    of: thing,
    fact: z.string(),
    is: z.json().optional(),
    includes: z.json().optional(),
    ifUnknown: z.string().optional(),
  })
  .refine(premise => (premise.is === undefined) !== (premise.includes === undefined), {
    error: 'a fact premise has either `is` or `includes`',
  })

/** What a thing is, as a reference says it. */
const thingIs = z.strictObject({
  system: z.string().optional(),
  type: z.enum(['identity', 'credential', 'workload', 'resource']).optional(),
  kind: z
    .union([z.string(), z.array(z.string()).min(1)])
    .transform(kinds => [kinds].flat())
    .optional(),
})

export const joinedCrossingSchema = z
  .strictObject({
    id: z.string().regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)+$/),
    title: z.string(),
    /** What a thing must be, where that is more than what the premises say of it. */
    things: z.record(thing, thingIs).default({}),
    /** All must hold, of the same things. */
    premises: z.array(z.union([relationPremise, permissionPremise, factPremise])).min(1),
    /** Who has the one gains the other. `as` names the relation that other rules may build on; it is the id otherwise. */
    gains: z.strictObject({ from: thing, to: thing, as: relation.optional() }),
    /** The most that can be said where all premises are proven. */
    certainty: z.enum(['proven', 'conditional', 'potential']).default('proven'),
    /** What else must be so, and no source tells: then the crossing is conditional. */
    needs: z.string().optional(),
    /** A sentence; `{thing}` is that thing's name. */
    why: z.string(),
    /** MITRE ATT&CK techniques. */
    attack: z.array(z.string().regex(/^T\d{4}(\.\d{3})?$/)).default([]),
    references: z.array(z.url()).min(1),
  })
  .superRefine((rule, context) => {
    const related = rule.premises.flatMap(premise => ('of' in premise ? [] : [premise.from, premise.to]))
    const said = [
      rule.gains.from,
      rule.gains.to,
      ...Object.keys(rule.things),
      ...rule.premises.flatMap(premise => ('of' in premise ? [premise.of] : [])),
      ...Array.from(rule.why.matchAll(/\{([a-z-]+)\}/g), match => match[1]!),
    ]
    for (const name of said)
      if (!related.includes(name))
        context.addIssue({ code: 'custom', message: `no premise relates ${name} to anything` })
  })

/**
 * A crossing that follows where several things that sources told meet: who may push to a repository, and which job it
 * defines. `rules/crossings/<system>/<id>.yaml` says it.
 */
export type JoinedCrossing = z.infer<typeof joinedCrossingSchema>
export type Premise = JoinedCrossing['premises'][number]

/** The system whose policies a rule's `may` asks: the folder that it stands in. */
export function systemOf({ id }: Pick<JoinedCrossing, 'id'>): string {
  return id.slice(0, id.indexOf('-'))
}

/** The name under which "may do this, in this system" is a relation among the others. */
export function permissionRelation(system: string, action: string): string {
  return `may ${system} ${action}`
}

/** A premise in a few words, as who would end it needs them. */
export function premiseText(premise: Premise): string {
  if ('of' in premise) return `${premise.fact} of the ${premise.of}`
  const words = 'has' in premise ? premise.has.join(' or ') : `may ${premise.may.join(' or ')}`
  return `${premise.from} ${words} ${premise.to}`
}

/** The relations of which any one makes the premise hold. */
export function relationsOf(rule: JoinedCrossing, premise: Exclude<Premise, { of: unknown }>): string[] {
  return 'has' in premise
    ? premise.has
    : premise.may.map(action => permissionRelation(systemOf(rule), action))
}

/** Those of every system but AWS, whose rules are of another form. Raises on a broken file: the rules are part of the program. */
export async function loadJoinedCrossings(rulesDirectory: string): Promise<JoinedCrossing[]> {
  const directory = join(rulesDirectory, 'crossings')
  const systems = (await readdir(directory, { withFileTypes: true })).filter(
    entry => entry.isDirectory() && entry.name !== 'aws',
  )
  const files = await Promise.all(
    systems.map(async ({ name }) =>
      (await readdir(join(directory, name)))
        .filter(file => file.endsWith('.yaml'))
        .map(file => ({ system: name, file })),
    ),
  )
  const sorted = files.flat().sort((a, b) => (a.file < b.file ? -1 : 1))
  return await Promise.all(
    sorted.map(async ({ system, file }) => {
      const path = join(directory, system, file)
      const parsed = joinedCrossingSchema.safeParse(parse(await readFile(path, 'utf8')))
      if (!parsed.success) throw new Error(`${path}: ${z.prettifyError(parsed.error)}`)
      if (`${parsed.data.id}.yaml` !== file) throw new Error(`${path} must have the id of its name`)
      if (!parsed.data.id.startsWith(`${system}-`))
        throw new Error(`${path}: its id must begin with ${system}-`)
      return parsed.data
    }),
  )
}
