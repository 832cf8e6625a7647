import { jenkinsfileReader } from '../../../../src/know/readers/jenkinsfile/jenkinsfile.ts'
import { documentedWeaknesses } from '../documented.ts'

documentedWeaknesses(jenkinsfileReader, 'Jenkinsfile', new URL('documented', import.meta.url).pathname)
