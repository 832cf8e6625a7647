import { expect, test } from 'vitest'
import { Survey } from '../../../src/connectors/git/survey.ts'

const COMMIT = 1001
const idOf = (number: number) => number.toString(16).padStart(40, '0')
const hexOf = (number: number) => Buffer.from(idOf(number), 'latin1')

/** A thousand blobs, of which every third stands at a tip, and a commit. */
function surveyed(): Survey {
  const refs = { all: new Map(), symbolic: new Map(), tips: [], shallow: [], problems: [], gaps: [] }
  const survey = new Survey(refs, 'sha1', { random: size => Buffer.alloc(size, 7) })
  for (let number = 1; number < COMMIT; number++) survey.list(hexOf(number), 'blob')
  survey.list(hexOf(COMMIT), 'commit')
  for (let number = 3; number < COMMIT; number += 3) survey.tip(hexOf(number), 0, Buffer.from(`a/${number}`))
  return survey
}

async function taken(ids: AsyncGenerator<readonly string[], void>, most = Number.POSITIVE_INFINITY) {
  const numbers: number[] = []
  while (numbers.length < most) {
    const next = await ids.next()
    if (next.done) break
    numbers.push(...next.value.map(id => Number.parseInt(id, 16)))
  }
  return numbers
}

const all = Array.from({ length: COMMIT }, (_, index) => index + 1)
const known = all.filter(number => number % 3 === 0 || number === COMMIT)
const unknown = all.filter(number => !known.includes(number))

test('what stands at a tip is read while the history is walked, all else once that is done', async () => {
  let end = () => {}
  const ids = surveyed().idsToRead(new Promise<void>(resolve => (end = resolve)))
  expect(await taken(ids, known.length)).toEqual(known)
  end()
  expect(await taken(ids)).toEqual(unknown)
})

test('each comes once, whenever the walk is done', async () => {
  const walked = Promise.resolve()
  await walked
  const ids = surveyed().idsToRead(walked)
  expect((await taken(ids)).sort((a, b) => a - b)).toEqual(all)
})

test('what the walk raises is raised before what has no path yet is read', async () => {
  const ids = surveyed().idsToRead(Promise.reject(new Error('the history is damaged')))
  await expect(taken(ids)).rejects.toThrow('the history is damaged')
})
