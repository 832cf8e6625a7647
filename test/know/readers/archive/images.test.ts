import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Observation } from '../../../../src/core/contract/observation.ts'
import { Content } from '../../../../src/know/readers/archive/content.ts'
import { imageConfig } from '../../../../src/know/readers/archive/image-config.ts'
import { Images } from '../../../../src/know/readers/archive/images.ts'
import { rules } from '../secrets/rules/rule-directory.ts'
import { made, told } from './looking.ts'
import { processorTime } from '../../../processor-time.ts'

const token = rules.find(rule => rule.id === 'github-token')!.examples.positive[0]!.value
const other = rules.find(rule => rule.id === 'stripe-key')!.examples.positive[0]!.value
const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex')

const config = JSON.stringify({
  architecture: 'amd64',
  config: { Env: ['PATH=/bin', 'DB_PASSWORD=kT7vQ2mLx9pZ'] },
  history: [
    { created_by: '/bin/sh -c #(nop) COPY dir in / ' },
    { created_by: `RUN |1 NPM_TOKEN=${other} /bin/sh -c npm ci` },
  ],
  rootfs: { type: 'layers', diff_ids: [] },
})

const layers = async (): Promise<Buffer[]> => [
  await made(
    { 'app/.env': `TOKEN=${token}\n`, 'app/kept/a.env': `KEY=${other}\n` },
    'l.tar',
    'tar cf l.tar app',
  ),
  await made({ 'app/.wh..env': '', 'etc/x': 'x' }, 'l.tgz', 'tar czf l.tgz app etc'),
]

describe('a container image', () => {
  test.each(['saved as an archive', 'saved with links', 'an OCI layout'])('%s', async form => {
    const [first, second] = await layers()
    const files: Record<string, string | Uint8Array> = {}
    let path = (id: number) => `${'ab'[id]!.repeat(64)}/layer.tar`
    if (form === 'an OCI layout') {
      const digests = [sha256(first!), sha256(second!)]
      path = id => `blobs/sha256/${digests[id]}`
      const manifest = JSON.stringify({ layers: digests.map(digest => ({ digest: `sha256:${digest}` })) })
      files[`blobs/sha256/${sha256(config)}`] = config
      files[`blobs/sha256/${sha256(manifest)}`] = manifest
      files['index.json'] = JSON.stringify({ manifests: [{ digest: `sha256:${sha256(manifest)}` }] })
    } else {
      files['c.json'] = config
      files['manifest.json'] = JSON.stringify([{ Config: 'c.json', Layers: [path(0), path(1)] }])
    }
    files[path(0)] = first!
    files[path(1)] = second!
    const link = form === 'saved with links' ? `mkdir z && ln -s ../${path(0)} z/layer.tar && ` : ''
    const bytes = await made(files, 'i.tar', `${link}tar cf i.tar *`)
    const { found, gaps } = await told(bytes, 'i.tar')
    const configAt = form === 'an OCI layout' ? `blobs/sha256/${sha256(config)}` : 'c.json'
    expect(found.filter(line => line.includes('layer ')).sort()).toEqual([
      `i.tar!/${path(0)} (layer 1 of 2)!/app/.env (deleted in layer 2):1 ${token}`,
      `i.tar!/${path(0)} (layer 1 of 2)!/app/kept/a.env:1 ${other}`,
    ])
    const own = found.filter(line => line.startsWith(`i.tar!/${configAt}`))
    expect(own.map(line => line.split(' ').at(-1)).sort()).toEqual(['kT7vQ2mLx9pZ', other])
    expect(gaps).toEqual([])
  })

  test('its configuration by itself, with each value once', async () => {
    expect(imageConfig.fits(Buffer.from(config), 'x')).toBe(true)
    const { found } = await told(Buffer.from(config), 'config.json')
    expect(found.map(line => line.split(' ').at(-1)).sort()).toEqual(['kT7vQ2mLx9pZ', other])
  })
})

test('a blob that is not what its digest says is read, and told', async () => {
  const layer = await made({ 'app/.env': `TOKEN=${token}\n` }, 'l.tgz', 'tar czf l.tgz app')
  const [right, wrong] = [sha256(layer), sha256('something else')]
  const files = {
    [`blobs/sha256/${right}`]: layer,
    [`blobs/sha256/${wrong}`]: layer,
    [`blobs/sha256/${'0'.repeat(64)}`]: config,
  }
  const { found, gaps } = await told(await made(files, 'i.tar', 'tar cf i.tar blobs'), 'i.tar')
  expect(found.filter(line => line.endsWith(token))).toHaveLength(2)
  expect(gaps.sort()).toEqual([
    `i.tar!/blobs/sha256/${'0'.repeat(64)}: its content is not what its digest says`,
    `i.tar!/blobs/sha256/${wrong}: its content is not what its digest says`,
  ])
})

test('a file with another name is deleted when that is, too; an opaque folder hides what lay in it', async () => {
  const image = async (second: Record<string, string>) => {
    const first = await made(
      { 'app/.env': `TOKEN=${token}\n` },
      'l.tar',
      'mkdir -p opt && ln app/.env opt/kept && tar cf l.tar app opt',
    )
    const files = {
      'a.tar': first,
      'b.tar': await made(second, 'l.tar', `tar cf l.tar ${Object.keys(second).join(' ')}`),
      'manifest.json': JSON.stringify([{ Layers: ['a.tar', 'b.tar'] }]),
    }
    return (await told(await made(files, 'i.tar', 'tar cf i.tar *'), 'i.tar')).found
  }
  const at = 'i.tar!/a.tar (layer 1 of 2)!/app/.env'
  expect(await image({ 'app/.wh..env': '' })).toEqual([`${at}:1 ${token}`])
  expect(await image({ 'app/.wh..wh..opq': '' })).toEqual([`${at}:1 ${token}`])
  expect(await image({ 'app/.wh..wh..opq': '', 'opt/.wh.kept': '' })).toEqual([
    `${at} (deleted in layer 2):1 ${token}`,
  ])
})

test('many deletions of many files take no long time', () => {
  const images = new Images()
  const see = (member: string, text = '') => images.see(member, new Content(Buffer.from(text)))
  const count = 20_000
  for (let i = 0; i < count; i++) see(`b.tar!/app/.wh.${i}`)
  for (let i = 0; i < 2000; i++)
    see('manifest.json', JSON.stringify([{ Layers: i === 0 ? ['a.tar', 'b.tar', 'c.tar'] : [`${i}.tar`] }]))
  see('b.tar!/etc/.wh..wh..opq')
  see('c.tar!/.wh.opt')
  const paths = ['etc/deep/x', 'opt.zip!/y', 'opt/a.zip!/y', 'optional', './app/7/z', 'app/x!/.wh.8']
  const findings = [...paths, ...Array.from({ length: count }, (_, i) => `app/${i}`)].map(
    (path): Observation<unknown> => ({
      see: 'copy',
      place: {
        in: { system: 's', instance: 'i', kind: 'k', id: 'd' },
        path: 'i.tar',
        member: `a.tar!/${path}`,
        slots: [],
      },
      kind: 'password',
      secret: {},
      confidence: 1,
    }),
  )
  const worked = processorTime()
  images.note(findings)
  expect(worked()).toBeLessThan(60_000)
  const deleted = findings.map(finding => {
    const member = finding.see === 'copy' ? finding.place.member! : ''
    return /\(deleted in layer (\d)\)$/.exec(member)?.[1]
  })
  expect(deleted.slice(0, paths.length)).toEqual(['2', undefined, '3', undefined, '2', undefined])
  expect(deleted.slice(paths.length)).toEqual(Array.from({ length: count }, () => '2'))
})
