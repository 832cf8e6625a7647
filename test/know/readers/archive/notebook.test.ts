import { expect, test } from 'vitest'
import { jupyter } from '../../../../src/know/readers/archive/notebook.ts'
import { rules } from '../secrets/rules/rule-directory.ts'
import { told } from './looking.ts'

const token = rules.find(rule => rule.id === 'github-token')!.examples.positive[0]!.value
const key = rules.find(rule => rule.id === 'private-key')!.examples.positive[0]!.value

test('a notebook: what stands on one line as it is written, a key over many lines as it is shown', async () => {
  const notebook = {
    cells: [
      { cell_type: 'markdown', source: ['# Title\n'] },
      { cell_type: 'code', source: [`token = "${token}"\n`], outputs: [{ text: [`${token}\n`] }] },
      {
        cell_type: 'code',
        source: [],
        outputs: [{ data: { 'text/plain': key.split(/(?<=\n)/), 'image/png': 'AAAA' } }],
      },
    ],
    metadata: { language_info: { file_extension: '.py' } },
    nbformat: 4,
  }
  const text = JSON.stringify(notebook, null, 1)
  expect(jupyter.fits(Buffer.from(text), 'renamed')).toBe(true)
  const { found, gaps } = await told(Buffer.from(text), 'a.ipynb')
  expect(found.map(line => line.replace(/\n[^]*/, ''))).toEqual([
    expect.stringMatching(/^a.ipynb:\d+ ghp_/),
    expect.stringMatching(/^a.ipynb:\d+ ghp_/),
    expect.stringMatching(/^a.ipynb!\/cell 3 output 1:1 -----BEGIN/),
  ])
  expect(gaps).toEqual([])
})

test('the older form, and what only looks like a notebook', async () => {
  const old = { worksheets: [{ cells: [{ cell_type: 'code', input: key.split(/(?<=\n)/) }] }], nbformat: 3 }
  expect((await told(Buffer.from(JSON.stringify(old)), 'a.ipynb')).found).toHaveLength(1)
  for (const text of [
    `{ "cells": 7, "x": "${token}" }`,
    `{ broken "${token}"`,
    `{"cells":[1,null,{"source":{}}],"t":"${token}"}`,
  ])
    expect((await told(Buffer.from(text), 'a.ipynb')).found).toEqual([`a.ipynb:1 ${token}`])
})
