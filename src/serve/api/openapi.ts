import { z, type ZodType } from 'zod'
import { OAUTH_ERRORS } from '../../act/broker/oauth-error.ts'
import type { Endpoint } from '../operations/broker/endpoint.ts'

/** OpenAPI 3.1, whose schemas are JSON Schema as zod tells it. */
export function openApi(title: string, version: string, url: string, endpoints: readonly Endpoint[]): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const endpoint of endpoints)
    (paths[endpoint.path] ??= {})[endpoint.method.toLowerCase()] = operationOf(endpoint)
  return {
    openapi: '3.1.0',
    info: { title, version },
    servers: [{ url }],
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      schemas: {
        Error: {
          type: 'object',
          required: ['error', 'error_description'],
          properties: {
            error: { enum: Object.keys(OAUTH_ERRORS) },
            error_description: { type: 'string' },
          },
        },
      },
    },
  }
}

function operationOf({ name, summary, path, caller, status, body, answer }: Endpoint): object {
  const parameters = [...path.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => ({
    name: parameter,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
  const type = body?.type === 'form' ? 'application/x-www-form-urlencoded' : 'application/json'
  return {
    operationId: name,
    summary,
    ...(caller !== 'anyone' && { security: [{ bearer: [] }, ...(caller === 'client' ? [{}] : [])] }),
    ...(parameters.length > 0 && { parameters }),
    ...(body && { requestBody: { required: true, content: { [type]: { schema: schemaOf(body.schema) } } } }),
    responses: {
      [status]: { description: summary, content: { 'application/json': { schema: schemaOf(answer) } } },
      default: {
        description: 'A refusal or a failure',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      },
    },
  }
}

function schemaOf(schema: ZodType): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input' })
  return rest
}
