import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Reader } from '../../../src/know/readers/reader.ts'
import { observed, type WeakTold, weaknessesTold } from './both-ways.ts'

/** Placeholders for what is too long to read. */
const WHOLE: Readonly<Record<string, string>> = {
  '<commit>': 'a'.repeat(40),
  '<digest>': 'b'.repeat(64),
}

/**
 * Forms of weaknesses that documentation warns of, a file for each weakness: `## what it is`, with the path where it is not the
 * usual one, then the text, in which ` !!` ends each line that is told, then `## mended` and a neighbour of which nothing is told.
 */
export function documentedWeaknesses(reader: Reader, path: string, folder: string): void {
  for (const file of readdirSync(folder)) {
    const weakness = basename(file, '.txt')
    const [, ...parts] = readFileSync(join(folder, file), 'utf8').split(/^## (.*)\n/m)
    describe(weakness, () => {
      for (let at = 0; at < parts.length; at += 4) {
        const [title = '', weak = '', second, mended = ''] = parts.slice(at, at + 4)
        const [, name, own] = /^(.*?)(?: \((\S+)\))?$/.exec(title)!
        test(`${name} is told on its line, and not where it is mended`, async () => {
          expect(second).toBe('mended')
          const told = async (text: string): Promise<WeakTold[]> => {
            const whole = text.replaceAll(/ !!$/gm, '').replaceAll(/<\w+>/g, mark => WHOLE[mark] ?? mark)
            return weaknessesTold(await observed(reader, own ?? path, whole)).filter(
              ({ id }) => id === weakness,
            )
          }
          const marked = weak.split('\n').flatMap((line, index) => (line.endsWith(' !!') ? [index + 1] : []))
          expect(marked).not.toEqual([])
          expect([...new Set((await told(weak)).map(({ line }) => line))]).toEqual(marked)
          expect((await told(mended)).filter(({ certainty }) => certainty !== 'potential')).toEqual([])
        })
      }
    })
  }
}
