import { gitlabCiReader } from '../../../../src/know/readers/gitlab-ci/gitlab-ci.ts'
import { documentedWeaknesses } from '../documented.ts'

documentedWeaknesses(gitlabCiReader, '.gitlab-ci.yml', new URL('documented', import.meta.url).pathname)
