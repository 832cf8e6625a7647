import { type Action, type Answer, type MemoryValue, refuse } from './memory-account.ts'

const NOT_FOUND = refuse(400, 'ResourceNotFoundException')

function page<T>(
  all: readonly T[],
  input: Record<string, unknown>,
  key: string,
  shape: (item: T) => unknown,
): Answer {
  const from = Number(input['NextToken'] ?? 0)
  const to = from + Number(input['MaxResults'] ?? 50)
  const more = to < all.length ? { NextToken: String(to) } : {}
  return { output: { [key]: all.slice(from, to).map(shape), ...more } }
}

/** Secrets Manager, Parameter Store, Lambda and Organizations. */
export const storeActions: Readonly<Record<string, Action>> = {
  'secretsmanager.ListSecrets': ({ secrets }, { input }) =>
    page([...secrets.values()], input, 'SecretList', ({ id, name }) => ({ ARN: id, Name: name })),
  'secretsmanager.GetSecretValue': (account, { input }, key) => {
    const secret = account.secrets.get(String(input['SecretId']))
    if (secret && !account.permits(account.callerOf(key), 'secretsmanager:GetSecretValue', secret.id))
      return refuse(400, 'AccessDeniedException')
    const current = secret?.versions.at(-1)
    if (!secret || !current) return NOT_FOUND
    return {
      output: {
        ARN: secret.id,
        Name: secret.name,
        VersionId: current.id,
        SecretString: current.text,
        VersionStages: ['AWSCURRENT'],
      },
    }
  },
  'secretsmanager.PutSecretValue': ({ secrets }, { input }) => {
    const secret = secrets.get(String(input['SecretId']))
    if (!secret) return NOT_FOUND
    return put(secret, String(input['ClientRequestToken']), String(input['SecretString']), VersionId => ({
      ARN: secret.id,
      Name: secret.name,
      VersionId,
      VersionStages: ['AWSCURRENT'],
    }))
  },
  'AmazonSSM.DescribeParameters': ({ parameters }, { input }) =>
    page([...parameters.values()], input, 'Parameters', ({ name }) => ({ Name: name, Type: 'SecureString' })),
  'AmazonSSM.GetParameter': (account, { input }, key) => {
    const parameter = account.parameters.get(String(input['Name']))
    const arn = `arn:aws:ssm:us-east-1:${account.number}:parameter/${String(input['Name']).replace(/^\//, '')}`
    if (!account.permits(account.callerOf(key), 'ssm:GetParameter', arn))
      return refuse(400, 'AccessDeniedException')
    const current = parameter?.versions.at(-1)
    if (!parameter || !current) return refuse(400, 'ParameterNotFound')
    return {
      output: { Parameter: { Name: parameter.name, Value: current.text, Version: Number(current.id) } },
    }
  },
  'AmazonSSM.PutParameter': ({ parameters }, { input }) => {
    const parameter = parameters.get(String(input['Name']))
    if (!parameter) return refuse(400, 'ParameterNotFound')
    const version = String(parameter.versions.length + 1)
    return put(parameter, version, String(input['Value']), id => ({ Version: Number(id) }))
  },
  'GET /2015-03-31/functions': ({ functions, number }) => ({
    output: {
      Functions: functions.map(({ name, role, variables }) => ({
        FunctionName: name,
        FunctionArn: `arn:aws:lambda:us-east-1:${number}:function:${name}`,
        Role: role,
        Runtime: 'nodejs24.x',
        Environment: { Variables: variables },
      })),
    },
  }),
  'AWSOrganizationsV20161128.ListPoliciesForTarget': (account, { input }) => {
    const level = levelOf(account.organization, account.number, String(input['TargetId']))
    if (!level) return refuse(400, 'AWSOrganizationsNotInUseException')
    return { output: { Policies: level.policies.map(({ id, name }) => ({ Id: id, Name: name })) } }
  },
  'AWSOrganizationsV20161128.DescribePolicy': ({ organization }, { input }) => {
    const policy = organization.flatMap(({ policies }) => policies).find(({ id }) => id === input['PolicyId'])
    if (!policy) return refuse(400, 'PolicyNotFoundException')
    return {
      output: { Policy: { PolicySummary: { Id: policy.id, Name: policy.name }, Content: policy.content } },
    }
  },
  'AWSOrganizationsV20161128.ListParents': ({ organization, number }, { input }) => {
    const at = organization.findIndex(
      ({ id }) => id === input['ChildId'] || (id === 'account' && input['ChildId'] === number),
    )
    const parent = organization[at - 1]
    if (!parent) return refuse(400, 'ChildNotFoundException')
    return {
      output: {
        Parents: [{ Id: parent.id, Type: parent.id.startsWith('r-') ? 'ROOT' : 'ORGANIZATIONAL_UNIT' }],
      },
    }
  },
}

function levelOf<T extends { id: string }>(
  organization: readonly T[],
  number: string,
  target: string,
): T | undefined {
  return organization.find(({ id }) => id === target || (id === 'account' && target === number))
}

/** A version that is there already with the same text is the same one; with another text it is refused. */
function put(
  value: MemoryValue,
  version: string,
  text: string,
  shape: (version: string) => Record<string, unknown>,
): Answer {
  const same = value.versions.find(({ id }) => id === version)
  if (same && same.text !== text) return refuse(400, 'ResourceExistsException')
  if (!same) value.versions.push({ id: version, text })
  return { output: shape(version) }
}
