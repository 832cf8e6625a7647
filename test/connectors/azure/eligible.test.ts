import { expect, test } from 'vitest'
import { memoryAzure } from '../../../src/connectors/azure/memory.ts'
import { realIo } from '../../../src/core/contract/io.ts'

/** What was gathered, as text, and the gaps that are told of it. */
async function readAll(twin: ReturnType<typeof memoryAzure>): Promise<{ text: string; gaps: string[] }> {
  const connection = await twin.connector.open(twin.config, realIo())
  let text = ''
  for await (const document of connection.documents!())
    for await (const chunk of document.bytes()) text += Buffer.from(chunk).toString()
  const gaps: string[] = []
  for await (const one of connection.discover!())
    if (one.see === 'covered' && !one.complete) gaps.push(one.scope.split('/').slice(1).join('/'))
  await connection.close()
  return { text, gaps }
}

function estate() {
  const twin = memoryAzure()
  const scope = `/subscriptions/${twin.subscription}`
  const role = `${scope}/providers/Microsoft.Authorization/roleDefinitions/own-role`
  const of = { principalId: 'p1', principalType: 'User', roleDefinitionId: role, scope }
  twin.resources.set('roleEligibilityScheduleInstances', [
    { id: 'e1', properties: { ...of, roleEligibilityScheduleId: 's1' } },
  ])
  twin.resources.set('roleDefinitions', [{ id: role, properties: { roleName: 'own', permissions: [] } }])
  twin.directory.set('roleEligibilityScheduleInstances', [
    {
      id: 'e2',
      principalId: 'p2',
      roleDefinitionId: 'r2',
      directoryScopeId: '/',
      roleEligibilityScheduleId: 's2',
    },
  ])
  twin.directory.set('roleDefinitions', [{ id: 'r2', displayName: 'theirs', rolePermissions: [] }])
  return twin
}

test('roles that are merely eligible are gathered with what they permit, of resources and of the directory', async () => {
  const { text, gaps } = await readAll(estate())
  for (const each of ['"s1"', '"s2"', '"own"', '"theirs"']) expect(text).toContain(each)
  expect(gaps).toEqual([])
})

test('a tenant that has no licence for them refuses the lists: a gap, and the rest is read', async () => {
  const twin = estate()
  const path = 'roleEligibilityScheduleInstances'
  twin.refusals.set(`GET graph.microsoft.com/v1.0/roleManagement/directory/${path}`, 403)
  const { text, gaps } = await readAll(twin)
  expect(gaps).toEqual(['eligible-directory-roles'])
  expect(text).toContain('"s1"')
  expect(text).not.toContain('"s2"')
})
