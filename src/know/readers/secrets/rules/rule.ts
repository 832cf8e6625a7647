import { z } from 'zod'
import { revokeStep, verifyStep } from '../../../../core/contract/declared-step.ts'
import { assignedTo, keywordVariants, withSeparator } from './assigned-to.ts'
import { checksums } from './checksum.ts'
import { keywordsInUtf8, patternInUtf8 } from './in-utf8.ts'
import { SEPARATOR } from './separator.ts'

/** A text in parts, joined when read, so that no scanner takes an example for a live credential. */
const text = z.union([z.string(), z.array(z.string())]).transform(parts => [parts].flat().join(''))

const factName = z.string().regex(/^[a-z][A-Za-z]{1,30}$/)

/** How what the credential says of itself is told. */
const facts = z.strictObject({
  /** What the public half of a pair is: `accessKeyId`. */
  id: factName.optional(),
  /** By what the value, or else the id, begins with: `mode: { sk_live_: live }`. */
  begins: z.record(factName, z.record(z.string(), z.string())).optional(),
  /** Members of the JSON object that the value holds in base64. */
  json: z.record(factName, z.string()).optional(),
  /** What stands in the text around it, nearest first: expressions with the group `fact`. */
  near: z.record(factName, z.string()).optional(),
  /** By code, where that takes more than a pattern. */
  from: z.enum(['aws-key-id', 'jwt', 'private-key']).optional(),
})

const characters = z.string().max(64)
const confidence = z.number().min(0).max(1)

export const ruleSchema = z
  .strictObject({
    id: z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/),
    name: z.string(),
    /** The connector's name where there is one, else the vendor's. */
    system: z.string().regex(/^[a-z0-9-]+$/),
    summary: z.string(),
    /** Literals, one of which every match begins with, after `lead`. */
    keywords: z.array(z.string().min(2).max(40)).min(1),
    ignoreCase: z.boolean().default(false),
    /** Whether a base64 text is decoded because a keyword stands in it. Not worth it for a mere name of a vendor. */
    inBase64: z.boolean().default(true),
    /** An expression on the document's path, without regard to case, for what only such a file means so. */
    paths: z.string().optional(),
    /**
     * What may stand before the keyword and belongs to the match: at most `most` of these characters. It is the id, or
     * belongs to the value where the pattern has no such group.
     */
    lead: z
      .strictObject({
        characters,
        least: z.int().min(0).max(128).default(0),
        most: z.int().min(1).max(128),
        id: z.boolean().default(false),
      })
      .optional(),
    /**
     * A JavaScript regular expression, tried where a keyword begins. Groups: `value`, `id`, `user`, `host`, `port`.
     * Every quantifier is bounded, and there is no lookaround, so that no input makes it slow. `{{given}}` stands for
     * what there may be between a name and its value. A list is of several forms, any of which may stand there.
     */
    pattern: z
      .union([z.string(), z.array(z.string()).min(2)])
      .transform(forms => (typeof forms === 'string' ? forms : `(?:${forms.join('|')})`)),
    /**
     * For a value that nothing but its name tells. The keyword begins a name, also without its underscores, which ends in
     * one of these words, and the pattern is what is assigned to that name. With `=` among them the keyword alone is a name, too.
     */
    assignedTo: z.array(z.string().regex(/^(?:[a-z_-]+|=)$/)).optional(),
    /** Characters that must not stand right before or after the match; a rule with `lead` has no `before`. */
    before: characters.default('A-Za-z0-9_'),
    after: characters.default('A-Za-z0-9_'),
    /** How `value` is written there, as in Slot.encodings. */
    encodings: z.array(z.enum(['base64', 'base64url', 'utf16le', 'url', 'json', 'xml'])).default([]),
    /**
     * `assignment`: the pattern is of the words that begin the telling part of a key; the rest of the key, its separator
     * and its value are read as the kind of file writes them.
     * `stated`: the pattern has the value, and where there is one the user, in a place that says what it is; what it looks
     * like is judged as an assigned one is.
     * `file`: the pattern fits a document's first bytes, and the document as a whole is the value.
     * `manifest`: the pattern tells a manifest that holds secrets, each of which is found.
     * `compared`: the match begins with the quote that ends the value, and the group `name` is what that is compared with.
     * `rows`: the match ends where the first row of a table begins, whose columns the group `columns` has, or the statement
     * that created the group `table`.
     * `heading`: the match heads a column of a table.
     * `hash`: what `lead` took is the user whose password's hash the value is.
     */
    structure: z
      .enum([
        'assignment',
        'stated',
        'basic',
        'url',
        'pgpass',
        'jwt',
        'file',
        'hash',
        'manifest',
        'compared',
        'rows',
        'heading',
      ])
      .optional(),
    /** What a `stated` value is: any text that is no stand-in, only what looks generated, or what is signed with, which may be a sentence. */
    states: z.enum(['password', 'token', 'signer']).default('password'),
    /** The other half of a pair, near the match on either side; its pattern has the group that `pattern` lacks. */
    pair: z
      .strictObject({
        pattern: z.string(),
        before: characters.default(''),
        after: characters.default(''),
        within: z.int().min(1).max(8192),
        /** Nothing stands between it and the match. */
        adjoins: z.boolean().default(false),
        entropy: z.number().optional(),
      })
      .optional(),
    /**
     * What the system calls this one of several keys of the same id, where files name it beside the value: a file that gets
     * another value gets its name too. The pattern has the group `keyId`.
     */
    keyId: z.strictObject({ pattern: z.string(), within: z.int().min(1).max(8192) }).optional(),
    checks: z
      .strictObject({
        /** Least Shannon entropy of the value, in bits per character. */
        entropy: z.number().min(0).max(8).optional(),
        /** How many digits of base64 it has in a row at least, somewhere: words of a program that speaks of one have fewer. */
        run: z.int().min(1).max(64).optional(),
        /** A person may have chosen the value: what stands in for one is no find. */
        standIns: z.literal('none').optional(),
        checksum: z.enum(checksums).optional(),
        /** How sure one is whose checksum does not hold, where older ones may have none, or its prefix says much; else it is no find. */
        withoutChecksum: confidence.optional(),
      })
      .default({}),
    /**
     * The identity that a find names, provisional: an endpoint and a user name, `user` where it gives none. `by: id` is the
     * credential itself, by its public half, which is then unique at all instances of the system.
     */
    claims: z
      .strictObject({
        system: z.string(),
        kind: z.string(),
        by: z.literal('id').optional(),
        port: z.int().optional(),
        user: z.string().optional(),
      })
      .optional(),
    facts: facts.optional(),
    confidence,
    /** Of two finds in the same bytes the higher wins. */
    specificity: z.int().min(0).max(9).default(5),
    preview: z.enum(['token', 'none']),
    verify: verifyStep,
    revoke: revokeStep,
    references: z.array(z.url()).min(1),
    examples: z.strictObject({
      positive: z
        .array(
          z.strictObject({
            text,
            path: z.string().optional(),
            value: text,
            id: text.optional(),
            claims: text.optional(),
          }),
        )
        .min(1),
      negative: z.array(z.strictObject({ text, path: z.string().optional(), why: z.string() })).min(1),
    }),
  })
  .refine(rule => !rule.lead || rule.before === '', {
    path: ['before'],
    error: "must be '' beside lead, which takes what stands before",
  })
  .refine(rule => isAtStart(rule) || rule.keywords.every(keyword => Buffer.byteLength(keyword) >= 3), {
    path: ['keywords'],
    error: 'must have three characters at least, where they may stand anywhere',
  })
  .transform(rule => {
    if (!rule.assignedTo) return { ...rule, given: undefined, pattern: withSeparator(rule.pattern) }
    const keywords = keywordVariants(rule.keywords)
    return {
      ...rule,
      keywords,
      given: rule.pattern,
      pattern: assignedTo(keywords, rule.assignedTo, rule.pattern),
    }
  })
  .transform((rule, context) => {
    // What tells a document by its first bytes says bytes.
    if (rule.structure === 'file') return rule
    const inUtf8 = (path: string[], pattern: string) => {
      try {
        return patternInUtf8(pattern, rule.ignoreCase)
      } catch (error) {
        context.addIssue({ code: 'custom', path, message: (error as Error).message })
        return z.NEVER
      }
    }
    return {
      ...rule,
      keywords: rule.keywords.flatMap(keyword => keywordsInUtf8(keyword, rule.ignoreCase)),
      pattern: inUtf8(['pattern'], rule.pattern),
      ...(rule.pair && { pair: { ...rule.pair, pattern: inUtf8(['pair', 'pattern'], rule.pair.pattern) } }),
      ...(rule.keyId && {
        keyId: { ...rule.keyId, pattern: inUtf8(['keyId', 'pattern'], rule.keyId.pattern) },
      }),
    }
  })

/** One kind of credential, as rules/secrets/<id>.yaml says it. */
export type Rule = z.infer<typeof ruleSchema>

/** Whether its keywords are looked for at the very beginning of a document, and nowhere else. */
export function isAtStart({
  structure,
  lead,
}: {
  readonly structure?: string | undefined
  readonly lead?: object | undefined
}): boolean {
  return structure === 'file' && !lead
}

/** The pattern as it is run: what an assignment's rule leaves out stands in separator.ts. */
export function wholePattern(rule: Rule): string {
  return rule.structure === 'assignment' ? `(?:${rule.pattern})${SEPARATOR}` : rule.pattern
}
