import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hclOf } from '../../../../src/know/readers/terraform/hcl.ts'
import { terraformReader } from '../../../../src/know/readers/terraform/terraform.ts'
import { terraformWeaknesses } from '../../../../src/know/readers/terraform/weaknesses/all.ts'
import { member, scalar } from '../../../../src/know/readers/located.ts'
import { tree } from '../../estate.ts'
import { bothWays, edgesTold, observed } from '../both-ways.ts'

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
    const started = performance.now()
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
    expect(performance.now() - started).toBeLessThan(60_000)
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
