import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { terraformReader } from '../../../../src/know/readers/terraform/terraform.ts'
import { ownDirectory } from '../../estate.ts'
import { documentedWeaknesses } from '../documented.ts'

const folder = new URL('documented', import.meta.url).pathname

// What AWS, Google, Microsoft, HashiCorp and Kubernetes warn of, in texts of our own.
documentedWeaknesses(terraformReader, 'main.tf', folder)

const program = ['terraform', 'tofu'].find(one => spawnSync(one, ['version']).status === 0)

test.skipIf(program === undefined)(
  'Terraform itself can read each of these texts (install terraform or tofu)',
  async () => {
    const own = await ownDirectory()
    for (const file of readdirSync(folder)) {
      const texts = readFileSync(join(folder, file), 'utf8').split(/^## .*\n/m)
      for (const [index, text] of texts.entries())
        writeFileSync(join(own, `${file}-${index}.tf`), text.replaceAll(/ !!$/gm, ''))
    }
    const read = () => spawnSync(program!, ['fmt', '-list=false', '-write=false', own], { encoding: 'utf8' })
    const { status, stderr } = read()
    expect(status, stderr).toBe(0)
    writeFileSync(join(own, 'broken.tf'), 'resource "a" "b" {\n')
    expect(read().status).not.toBe(0)
  },
)
