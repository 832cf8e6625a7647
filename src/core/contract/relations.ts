/**
 * What a source tells of two things that is no way from one to the other by itself: an edge of such a name is not walked. It
 * is a premise of the crossings in rules/crossings, which say what follows where several meet.
 */
export const RELATIONS: Readonly<Record<string, string>> = {
  drives: 'the agent starts the server, and uses its tools',
  'defined-in':
    'the workload is defined by the repository, or by the file: who changes that changes what runs',
  'admits-to': 'the map says who is let in to the cluster as whom: who changes it lets itself in',
  'has-secret': 'the jobs of the repository, or of the environment, may read the secret',
  'has-environment': 'the jobs of the repository may deploy to the environment',
  'has-runner': 'jobs run on the self-hosted runner',
  'may-approve': 'lets deployments to the environment go on',
  'inherits-secrets': 'the job hands all its secrets to a workflow of the repository',
  'may-propose': 'may open pull requests and issues there',
  'may-push-code': 'may push to it, and not change its workflows',
  'inherits-from': 'the one is in the other: what is granted there is granted here',
  'holds-role': 'a binding gives the identity a role that can be changed',
  'of-pool': 'the principal is whom the pool lets in, or some of them',
  'vouches-for': 'tokens that the provider takes are taken for the pool',
  'vouched-for-by': 'the provider takes the tokens of all of these',
  'private-half-of': 'the public half of the credential is the key that is listed, or certified',
  'stands-in': 'the credential stands in the file',
  'identity-for': 'the key in the file is used to log in as the account',
  'trusts-signers-in': 'the host takes certificates that a key in the file has signed',
  'lists-key': 'the public key stands in the file',
  'signs-logins-of': 'certificates that the key has signed log in as the account',
  'vouches-for-host': 'certificates that the key has signed tell who the host is',
  'has-host-key': 'the host is known by the key',
  'lists-authority': 'the certificate of the authority stands in the file',
  'trusts-servers-of':
    'programs on the host take servers for what certificates of the authorities in the file say',
  'trusts-clients-of': 'the server takes client certificates of the authorities in the file',
  'hashed-name-of': 'the name that a known_hosts file hides is the one of the host',
  'is-authority': 'the certificate is one by which the authority is known',
  'issued-by': 'the authority has issued a certificate for it',
  'among-owners-of':
    'it is among the owners of the application, who may add credentials to it, or of the group',
  'has-identity': 'the managed identity is this principal: what it is attached to becomes it',
  'part-of': 'the thing belongs to the service, or the service to a system: who owns that answers for it',
  'depends-on': 'the service needs the other one to work',
  'kept-in': 'the service’s code lies in the repository',
  'works-in': 'the person is in the team',
  'admits-jobs-of': 'the tokens of the repository’s jobs are taken for it',
}

export function isRelation(crossing: string): boolean {
  return Object.hasOwn(RELATIONS, crossing)
}
