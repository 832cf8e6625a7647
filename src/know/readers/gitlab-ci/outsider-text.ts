/**
 * Variables that whoever proposes a change writes. They come from the environment, so that a shell takes them for data, unless
 * they are run. https://docs.gitlab.com/ci/variables/predefined_variables/
 */
const WRITTEN_BY_OUTSIDERS =
  /^CI_(?:COMMIT_(?:MESSAGE|TITLE|DESCRIPTION|AUTHOR|BRANCH|REF_NAME|TAG|TAG_MESSAGE)|MERGE_REQUEST_(?:TITLE|DESCRIPTION|SOURCE_BRANCH_NAME|LABELS|MILESTONE|ASSIGNEES|SOURCE_PROJECT_PATH)|EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_NAME|EXTERNAL_PULL_REQUEST_SOURCE_REPOSITORY)$/

export function isWrittenByOutsiders(name: string): boolean {
  return WRITTEN_BY_OUTSIDERS.test(name)
}

/** More than one line, so that a line of it can be another setting. */
export function hasLines(name: string): boolean {
  return /^CI_(?:COMMIT_(?:MESSAGE|DESCRIPTION|TAG_MESSAGE)|MERGE_REQUEST_DESCRIPTION)$/.test(name)
}
