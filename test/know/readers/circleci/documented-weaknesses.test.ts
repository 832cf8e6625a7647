import { circleciReader } from '../../../../src/know/readers/circleci/circleci.ts'
import { documentedWeaknesses } from '../documented.ts'

documentedWeaknesses(circleciReader, '.circleci/config.yml', new URL('documented', import.meta.url).pathname)
