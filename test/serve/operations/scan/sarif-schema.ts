import { z } from 'zod'

/**
 * The part of SARIF 2.1.0 (OASIS Standard, 27 March 2020) that a log of ours may use, as strictly as the standard says:
 * required members, closed enumerations, and no members that it does not know. Section numbers are its own.
 */
const propertyBag = z.looseObject({ tags: z.array(z.string()).optional() })
const uri = z.string().regex(/^[^\s\\]*$/)
const level = z.enum(['none', 'note', 'warning', 'error']) // 3.27.10
const message = z.strictObject({ text: z.string().min(1), markdown: z.string().optional() }) // 3.11
const multiformat = z.strictObject({ text: z.string().min(1), markdown: z.string().optional() }) // 3.12

const artifactLocation = z.strictObject({
  uri: uri.optional(),
  uriBaseId: z.string().optional(),
  index: z.int().min(-1).optional(),
}) // 3.4
const region = z.strictObject({
  startLine: z.int().min(1),
  startColumn: z.int().min(1).optional(),
  endLine: z.int().min(1).optional(),
  endColumn: z.int().min(1).optional(),
}) // 3.30, without a snippet on purpose
const location = z.strictObject({
  physicalLocation: z.strictObject({ artifactLocation, region: region.optional() }).optional(),
  logicalLocations: z
    .array(z.strictObject({ fullyQualifiedName: z.string(), kind: z.string().optional() }))
    .optional(),
}) // 3.28, 3.29, 3.33

const reportingDescriptor = z.strictObject({
  id: z.string().min(1),
  name: z.string().optional(),
  shortDescription: multiformat.optional(),
  fullDescription: multiformat.optional(),
  help: multiformat.optional(),
  helpUri: z.url().optional(),
  defaultConfiguration: z.strictObject({ level: level.optional() }).optional(),
  properties: propertyBag.optional(),
}) // 3.49

const result = z.strictObject({
  ruleId: z.string().min(1),
  ruleIndex: z.int().min(0),
  level,
  rank: z.number().min(0).max(100),
  message,
  locations: z.array(location).min(1),
  partialFingerprints: z.record(z.string(), z.string()).optional(),
  baselineState: z.enum(['new', 'unchanged', 'updated', 'absent']).optional(),
  suppressions: z.array(
    z.strictObject({
      kind: z.enum(['inSource', 'external']),
      status: z.enum(['accepted', 'underReview', 'rejected']).optional(),
      justification: z.string().optional(),
    }),
  ),
  properties: propertyBag.optional(),
}) // 3.27

export const sarifSchema = z.strictObject({
  $schema: z.url(),
  version: z.literal('2.1.0'),
  runs: z.array(
    z.strictObject({
      tool: z.strictObject({
        driver: z.strictObject({
          name: z.string().min(1),
          semanticVersion: z.string().regex(/^\d+\.\d+\.\d+/),
          rules: z.array(reportingDescriptor),
          notifications: z.array(reportingDescriptor),
        }),
      }),
      originalUriBaseIds: z.record(
        z.string(),
        z.strictObject({ uri: z.string().regex(/^file:\/\/\/.*\/$/) }),
      ),
      versionControlProvenance: z.array(
        z.strictObject({
          repositoryUri: z.url(),
          revisionId: z.string().optional(),
          branch: z.string().optional(),
          mappedTo: artifactLocation.optional(),
        }),
      ), // 3.23: repositoryUri is required
      invocations: z
        .array(
          z.strictObject({
            executionSuccessful: z.boolean(),
            endTimeUtc: z.iso.datetime(),
            toolExecutionNotifications: z.array(
              z.strictObject({
                descriptor: z.strictObject({ id: z.string(), index: z.int().min(0) }),
                level,
                message,
              }),
            ),
          }),
        )
        .min(1),
      results: z.array(result),
    }),
  ),
})

export type SarifLog = z.infer<typeof sarifSchema>
