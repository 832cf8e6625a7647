import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hclOf } from '../../../../src/know/readers/terraform/hcl.ts'
import { terraformReader } from '../../../../src/know/readers/terraform/terraform.ts'
import { terraformWeaknesses } from '../../../../src/know/readers/terraform/weaknesses/all.ts'
import { member, scalar } from '../../../../src/know/readers/located.ts'
import { loadGraph } from '../../../../src/know/graph/load-graph.ts'
import type { Finding } from '../../../../src/know/inventory/fold.ts'
import { entityByRef } from '../../../../src/know/inventory/queries.ts'
import { openEstate, tree } from '../../estate.ts'
import { reachedFrom, wholeOf } from '../../graph/whole.ts'
import { bothWays, edgesTold, observed } from '../both-ways.ts'
import { processorTime } from '../../../processor-time.ts'

const PATH = 'infra/main.tf'
const role = (statement: string) => `resource "aws_iam_role" "ci" {
  assume_role_policy = jsonencode({
    Statement = [{
      Effect = "Allow"
      Action = "sts:AssumeRole"
${statement}
    }]
  })
}
`
const github = (subject: string) =>
  role(`Principal = { Federated = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com" }
      Condition = { StringLike = { "token.actions.githubusercontent.com:sub" = "${subject}" } }`)

describe('weaknesses of Terraform', () => {
  bothWays(terraformReader, PATH, terraformWeaknesses, {
    'terraform-loose-subject': {
      weak: github('repo:acme/*'),
      line: 3,
      mended: github('repo:acme/shop:environment:production'),
    },
    'terraform-open-trust': {
      weak: role('Principal = { AWS = "*" }'),
      line: 6,
      mended: role('Principal = { AWS = "arn:aws:iam::111122223333:role/deployer" }'),
    },
    'terraform-provider-key': {
      weak: `provider "aws" {\n  access_key = "${'AKIA'}2E0A8F3B244C9986"\n}\n`,
      line: 2,
      mended: 'provider "aws" {\n  access_key = var.key\n  region = "eu-west-1"\n}\n',
    },
    'terraform-secret-in-default': {
      weak: `variable "db_password" {\n  default = "${'kT7v'}Q2mLx9pZ"\n}\n`,
      line: 2,
      mended: 'variable "db_password" {\n  sensitive = true\n}\n',
    },
    'terraform-secret-output': {
      weak: 'output "key" {\n  value = aws_iam_access_key.ci.secret\n}\n',
      line: 2,
      mended: 'output "key" {\n  value = aws_iam_access_key.ci.secret\n  sensitive = true\n}\n',
    },
    'terraform-state-in-clear': {
      weak: 'terraform {\n  backend "s3" {\n    bucket = "x"\n  }\n}\n',
      line: 2,
      mended: 'terraform {\n  backend "s3" {\n    bucket = "x"\n    encrypt = true\n  }\n}\n',
    },
    'terraform-static-key': {
      weak: 'resource "aws_iam_access_key" "ci" {\n  user = aws_iam_user.ci.name\n}\n',
      line: 1,
      mended: 'data "aws_iam_access_keys" "ci" {\n  user = "ci"\n}\n',
    },
    'terraform-unpinned-module': {
      weak: 'module "net" {\n  source = "git::https://git.example.org/net.git?ref=main"\n}\n',
      line: 2,
      mended: `module "net" {\n  source = "git::https://git.example.org/net.git?ref=${'a'.repeat(40)}"\n}\n`,
    },
    'terraform-wide-grant': {
      weak: 'data "aws_iam_policy_document" "all" {\n  statement {\n    actions = ["*"]\n    resources = ["*"]\n  }\n}\n',
      line: 2,
      mended:
        'data "aws_iam_policy_document" "some" {\n  statement {\n    actions = ["s3:GetObject"]\n    resources = ["*"]\n  }\n}\n',
    },
  })
})

describe('HCL', () => {
  test('is read with its lines: templates, heredocs, objects, lists, blocks in blocks', () => {
    const { blocks, problems } = hclOf(`# a comment
locals { a = "x" } // one line
/* two
   lines */
resource "t" "n" {
  name   = "a-\${var.x ? "\${y}" : "z"}"
  plain  = "say \\"hi\\" \\u00e9 $\${no}"
  count  = 3
  list   = [1, "b", {
    k = true
  }]
  text   = <<-EOT
    one \${local.a}
  EOT
  sum    = var.a + (
    2
  )
  dynamic "setting" {
    for_each = var.all
    content {
      key = setting.value
    }
  }
  inner "label" { deep { x = null } }
}
`)
    expect(problems).toEqual([])
    expect(blocks.map(({ type, labels, line }) => [type, labels, line])).toEqual([
      ['locals', [], 2],
      ['resource', ['t', 'n'], 5],
    ])
    const { body } = blocks[1]!
    expect(member(body, 'name')).toMatchObject({
      line: 6,
      value: 'a-${var.x ? "${y}" : "z"}',
      tag: '!template',
    })
    expect(scalar(member(body, 'plain'))).toBe('say "hi" é ${no}')
    expect(member(body, 'text')).toMatchObject({ line: 12, textLine: 13, tag: '!template' })
    expect(member(body, 'sum')).toMatchObject({ line: 15, tag: '!expression' })
    expect(member(body, 'setting')).toMatchObject({ line: 20 })
    expect((member(body, 'list')!.value as unknown[]).length).toBe(3)
  })

  test('what cannot be read is told by line, and what follows it is read', () => {
    const { blocks, problems } = hclOf(
      `resource "a" "b" {\n  name = \n  = 3\n  ok = 1\n}\n}\n???\nresource "c" "d" {\n  x = 1\n`,
    )
    expect(problems.map(({ line }) => line)).toEqual([3, 6, 7, 8])
    expect(blocks.map(({ labels }) => labels)).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ])
    expect(scalar(member(blocks[0]!.body, 'ok'))).toBe('1')
  })

  test.each([
    ['a string and a bracket', 'resource "a" "b" {\n  name = "b\n  x = {\n'],
    ['a list', 'locals {\n  all = [\n    "a",\n'],
    ['an expression', 'locals {\n  all = merge({ a = 1 }, {\n    b = f(\n'],
    ['blocks in blocks', 'resource "a" "b" {\n  one {\n    two {\n      x = 1\n'],
  ])('%s that is not closed hides nothing of what follows', (_, broken) => {
    const { blocks, problems } = hclOf(`${broken}resource "c" "d" {\n  y = 2\n}\nlocals {\n  z = 3\n}\n`)
    expect(problems.length).toBeGreaterThan(0)
    const [last, before] = blocks.toReversed()
    expect([before!.labels, last!.type]).toEqual([['c', 'd'], 'locals'])
    expect(scalar(member(before!.body, 'y'))).toBe('2')
    expect(scalar(member(last!.body, 'z'))).toBe('3')
  })

  test('whatever the text, it is read to the end', () => {
    const piece = fc.constantFrom(
      '"',
      '${',
      '%{',
      '}',
      '{',
      '[',
      ']',
      '(',
      ')',
      '=',
      ',',
      '\n',
      'a',
      ' ',
      '<<E\n',
      '\nE\n',
      '#',
      '//',
      '/*',
      '*/',
      'for ',
      '\\',
      '1',
      '.',
      'jsonencode(',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), pieces => void hclOf(pieces.join(''))),
      { numRuns: 3000, seed: 11 },
    )
  })

  test('many brackets, quotes and interpolations take no long time', () => {
    const worked = processorTime()
    for (const one of [
      '{',
      'a {\n',
      'a = [',
      'a = {a=',
      '"${',
      'jsonencode(',
      'a = jsonencode(',
      '<<A\n',
      '[[',
      'x = "',
      'a = (',
    ])
      hclOf(one.repeat(20_000))
    expect(worked()).toBeLessThan(60_000)
  })
})

describe('the reader of Terraform', () => {
  test('tells what is made, who may take it on, whose a key is and where it is put', async () => {
    const found = await observed(
      terraformReader,
      PATH,
      `variable "project" { default = "acme-prod" }
resource "aws_iam_user" "ci" { name = "ci" }
resource "aws_iam_access_key" "ci" { user = aws_iam_user.ci.name }
resource "github_actions_secret" "key" {
  repository      = "shop"
  secret_name     = "AWS_KEY"
  plaintext_value = aws_iam_access_key.ci.secret
}
data "aws_iam_policy_document" "trust" {
  statement {
    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::111122223333:role/deployer", aws_iam_user.ci.arn]
    }
    actions = ["sts:AssumeRole"]
  }
}
resource "aws_iam_role" "app" { assume_role_policy = data.aws_iam_policy_document.trust.json }
resource "aws_lambda_function" "f" { role = aws_iam_role.app.arn }
resource "google_service_account" "sa" {
  account_id = "app"
  project    = var.project
}
`,
    )
    expect(edgesTold(found)).toEqual([
      'aws_iam_access_key.ci authenticates-as infra#aws_iam_user.ci proven',
      'github_actions_secret.key holds-copy infra#aws_iam_access_key.ci proven',
      '?arn:aws:iam::111122223333:role/deployer may-assume infra#aws_iam_role.app proven',
      'aws_iam_user.ci may-assume infra#aws_iam_role.app proven',
      'aws_lambda_function.f runs-as infra#aws_iam_role.app proven',
      'google_service_account.sa declares ?app@acme-prod.iam.gserviceaccount.com conditional',
    ])
    expect(found.find(one => one.see === 'workload')).toMatchObject({
      ref: { ...tree, kind: 'terraform-resource', id: 'infra#aws_lambda_function.f' },
    })
  })

  test('tells who may do what by what is declared, in each cloud, in clusters and in a vault', async () => {
    const found = await observed(
      terraformReader,
      PATH,
      `resource "google_project_iam_member" "m" {
  project = "acme-prod"
  role    = "roles/editor"
  member  = "serviceAccount:\${google_service_account.app.email}"
}
resource "google_secret_manager_secret_iam_binding" "b" {
  secret_id = google_secret_manager_secret.db.id
  role      = "roles/secretmanager.secretAccessor"
  members   = ["serviceAccount:app@acme-prod.iam.gserviceaccount.com", "allUsers"]
}
resource "azurerm_role_assignment" "a" {
  scope                = azurerm_resource_group.rg.id
  role_definition_name = "Contributor"
  principal_id         = azurerm_user_assigned_identity.id.principal_id
}
resource "azurerm_key_vault_access_policy" "p" {
  key_vault_id       = azurerm_key_vault.kv.id
  object_id          = azuread_service_principal.sp.object_id
  secret_permissions = ["Get", "List"]
}
resource "kubernetes_cluster_role_binding" "c" {
  role_ref {
    kind = "ClusterRole"
    name = "cluster-admin"
  }
  subject {
    kind      = "ServiceAccount"
    name      = "deployer"
    namespace = "ci"
  }
}
resource "vault_policy" "v" {
  policy = <<EOT
path "secret/data/app" { capabilities = ["read"] }
path "secret/data/none" { capabilities = ["deny"] }
EOT
}
resource "vault_approle_auth_backend_role" "r" { token_policies = [vault_policy.v.name] }
resource "aws_iam_role_policy" "w" {
  role   = aws_iam_role.app.id
  policy = jsonencode({ Statement = [
    { Effect = "Allow", Action = "secretsmanager:GetSecretValue", Resource = aws_secretsmanager_secret.db.arn },
    { Effect = "Deny", Action = "*", Resource = "*" },
  ] })
}
resource "aws_iam_role_policy_attachment" "x" {
  role       = aws_iam_role.app.name
  policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess"
}
`,
    )
    expect(edgesTold(found)).toEqual([
      'google_service_account.app administers acme-prod conditional',
      'azurerm_user_assigned_identity.id administers infra#azurerm_resource_group.rg conditional',
      'ServiceAccount ci/deployer administers infra#the cluster conditional',
      'vault_approle_auth_backend_role.r granted infra#vault_policy.v conditional',
      'aws_iam_role.app administers infra#the account conditional',
    ])
    // Reading is told by edges, too.
    const reads = found.flatMap(one =>
      one.see === 'edge' && one.crossing === 'may-read' ? [`${one.from.id} ${one.to.id}`] : [],
    )
    expect(reads).toEqual([
      '?app@acme-prod.iam.gserviceaccount.com infra#google_secret_manager_secret.db',
      'anyone infra#google_secret_manager_secret.db',
      'infra#azuread_service_principal.sp infra#azurerm_key_vault.kv',
      'infra#vault_policy.v ?secret/data/app',
      'infra#aws_iam_role.app infra#aws_secretsmanager_secret.db',
    ])
  })

  test('modules of one repository are read as one: what a block gives a variable, what comes out of a module', async () => {
    const files = {
      'live/main.tf': `module "role" { source = "../modules/role" }
module "app" {
  source   = "../modules/app"
  role_arn = module.role.arn
  trusted  = aws_iam_user.ci.arn
}
`,
      'live/user.tf': 'resource "aws_iam_user" "ci" { name = "ci" }\n',
      'modules/role/main.tf': 'resource "aws_iam_role" "app" { name = "app" }\n',
      'modules/role/outputs.tf': 'output "arn" { value = aws_iam_role.app.arn }\n',
      'modules/app/main.tf': `resource "aws_lambda_function" "f" { role = var.role_arn }
resource "aws_iam_role" "deploy" {
  assume_role_policy = jsonencode({ Statement = [{ Effect = "Allow", Principal = { AWS = var.trusted } }] })
}
`,
      'modules/app/variables.tf': 'variable "role_arn" {}\nvariable "trusted" {}\n',
    }
    const estate = await openEstate()
    const source = await estate.source()
    for (const [path, text] of Object.entries(files))
      await estate.fold(source, (await observed(terraformReader, path, text)) as Finding[])
    const graph = await wholeOf(estate.db, await loadGraph(estate.db))
    const reachedBy = async (type: 'workload' | 'identity', address: string) => {
      const from = await entityByRef(estate.db, type, { ...tree, kind: 'terraform-resource', id: address })
      return reachedFrom(graph, from!.id).map(({ ref }) => ref.id)
    }
    expect(await reachedBy('workload', 'modules/app#aws_lambda_function.f')).toContain(
      'modules/role#aws_iam_role.app',
    )
    expect(await reachedBy('identity', 'live#aws_iam_user.ci')).toContain('modules/app#aws_iam_role.deploy')
    expect(await reachedBy('identity', 'live#aws_iam_user.ci')).not.toContain('modules/role#aws_iam_role.app')
  })

  test('of a module that is used twice, a variable is one or the other: that is a condition', async () => {
    const use = (name: string) => `module "${name}" {
  source = "./app"
  role   = aws_iam_role.${name}.arn
}
`
    const found = await observed(terraformReader, 'main.tf', use('a') + use('b'))
    expect(edgesTold(found)).toEqual([
      'var.role stands-for .#aws_iam_role.a conditional',
      'var.role stands-for .#aws_iam_role.b conditional',
    ])
    const outside = 'module "m" {\n  source = "../../x"\n  role = aws_iam_role.a.arn\n}\n'
    expect(edgesTold(await observed(terraformReader, 'main.tf', outside))).toEqual([])
  })

  test('a state: principals by their own names, and every value that it marks', async () => {
    const value = `s3cr<t&${'kT7v'}"Q2m`
    const state = JSON.stringify(
      {
        version: 4,
        terraform_version: '1.9.0',
        serial: 3,
        lineage: 'x',
        outputs: { db: { value: 'outpu7-value', type: 'string', sensitive: true } },
        resources: [
          {
            mode: 'data',
            type: 'aws_caller_identity',
            name: 'me',
            instances: [{ attributes: { account_id: '111122223333' } }],
          },
          {
            mode: 'managed',
            type: 'aws_iam_role',
            name: 'app',
            instances: [{ attributes: { arn: 'arn:aws:iam::111122223333:role/app' } }],
          },
          {
            mode: 'managed',
            type: 'aws_iam_access_key',
            name: 'ci',
            module: 'module.ci',
            instances: [{ index_key: 'a', attributes: { id: `${'AKIA'}2E0A8F3B244C9986`, user: 'ci' } }],
          },
          {
            mode: 'managed',
            type: 'google_service_account',
            name: 'sa',
            instances: [{ attributes: { email: 'app@acme.iam.gserviceaccount.com' } }],
          },
          {
            mode: 'managed',
            type: 'custom_thing',
            name: 'x',
            instances: [
              {
                attributes: { odd: [{ inner: value }] },
                sensitive_attributes: [
                  [
                    { type: 'get_attr', value: 'odd' },
                    { type: 'index', value: { value: 0, type: 'number' } },
                    { type: 'get_attr', value: 'inner' },
                  ],
                ],
              },
            ],
          },
        ],
      },
      null,
      2,
    ).replace('s3cr<t&', 's3cr\\u003ct\\u0026')
    const found = await observed(terraformReader, 'terraform.tfstate', state)
    expect(
      found.flatMap(one =>
        'ref' in one
          ? [`${one.see} ${one.ref.system}:${one.ref.instance}/${one.ref.kind}/${one.ref.id}`]
          : [],
      ),
    ).toEqual([
      'identity aws:111122223333/role/?arn:aws:iam::111122223333:role/app',
      `credential aws:111122223333/access-key/${'AKIA'}2E0A8F3B244C9986`,
      'identity gcp:?acme/service-account/?app@acme.iam.gserviceaccount.com',
    ])
    const copies = found.flatMap(one => (one.see === 'copy' ? [one] : []))
    expect(copies.map(({ secret, facts }) => [secret.revealText(), facts?.['terraform']?.value])).toEqual([
      [value, 'custom_thing.x'],
      ['outpu7-value', 'output.db'],
    ])
    for (const { place, secret } of copies) {
      const [start = 0, end = 0] = place.slots[0]!.at.split('-').map(Number)
      expect(JSON.parse(`"${Buffer.from(state).subarray(start, end).toString()}"`)).toBe(secret.revealText())
    }
  })

  test.each([
    '{"version": 3, "terraform_version": "0.11", "serial": 1, "lineage": "x"}',
    '{"terraform_version": "1", "serial": 1, broken',
  ])('a state that cannot be read is told: %s', async text => {
    expect(await observed(terraformReader, 'x.tfstate', text)).toEqual([
      expect.objectContaining({ see: 'covered', complete: false }),
    ])
  })
})
