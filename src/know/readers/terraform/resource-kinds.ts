/** Types of resources that are, or make, principals. */
const IDENTITIES =
  /^(?:aws_iam_(?:user|role|group)|google_service_account|azuread_(?:application|application_registration|service_principal|user)|azurerm_user_assigned_identity|kubernetes_service_account(?:_v1)?|vault_(?:approle_auth_backend_role|kubernetes_auth_backend_role|jwt_auth_backend_role|token_auth_backend_role|aws_secret_backend_role)|github_app_installation_repositories|gitlab_(?:user|service_account)|postgresql_role|mysql_user|rabbitmq_user|snowflake_user|okta_app_oauth|auth0_client)$/

/** Types that are keys and other secrets, that hold one, or that say who may do what. */
const RESOURCES =
  /^(?:aws_iam_(?:access_key|service_linked_role|user_login_profile|service_specific_credential|openid_connect_provider|saml_provider|instance_profile|policy|.*_policy|.*_policy_attachment)|google_service_account_key|google_.*_iam_(?:member|binding|policy)|google_iam_workload_identity_pool(?:_provider)?|google_secret_manager_secret_version|azuread_(?:application_password|application_certificate|service_principal_password|service_principal_certificate|application_federated_identity_credential|service_principal_token_signing_certificate)|azurerm_(?:role_assignment|key_vault_secret|key_vault_access_policy|federated_identity_credential)|kubernetes_(?:secret|secret_v1|role_binding|role_binding_v1|cluster_role_binding|cluster_role_binding_v1|token_request_v1)|github_(?:actions|codespaces|dependabot)_(?:organization_|environment_)?secret|github_repository_deploy_key|gitlab_(?:project|group|instance)_variable|gitlab_(?:project|group|personal)_access_token|gitlab_deploy_(?:token|key)|vault_(?:generic_secret|kv_secret|kv_secret_v2|token|approle_auth_backend_role_secret_id|policy)|aws_secretsmanager_secret_version|aws_ssm_parameter|circleci_context_environment_variable|tfe_variable|tls_private_key|random_password)$/

const WORKLOADS =
  /^(?:aws_(?:instance|launch_template|lambda_function|ecs_task_definition|ecs_service|codebuild_project|batch_job_definition|sagemaker_notebook_instance|glue_job|sfn_state_machine|eks_cluster|eks_node_group)|google_(?:compute_instance|cloudfunctions2?_function|cloud_run_service|cloud_run_v2_service|container_cluster|container_node_pool)|azurerm_(?:linux_virtual_machine|windows_virtual_machine|linux_function_app|windows_function_app|linux_web_app|windows_web_app|kubernetes_cluster|container_group))$/

/** What a resource of the type is; undefined where it is none of a credential's concern. */
export function seenAs(type: string): 'identity' | 'resource' | 'workload' | undefined {
  if (IDENTITIES.test(type)) return 'identity'
  if (WORKLOADS.test(type)) return 'workload'
  return RESOURCES.test(type) ? 'resource' : undefined
}

/** The attributes in which a resource of the type is given a secret. */
export function holdsOf(type: string): readonly string[] {
  if (/^github_.*_secret$/.test(type)) return ['plaintext_value', 'value', 'encrypted_value']
  if (
    /^(?:gitlab_.*_variable|circleci_.*_variable|tfe_variable|aws_ssm_parameter|azurerm_key_vault_secret)$/.test(
      type,
    )
  )
    return ['value', 'value_wo']
  if (type === 'aws_secretsmanager_secret_version')
    return ['secret_string', 'secret_binary', 'secret_string_wo']
  if (type === 'google_secret_manager_secret_version') return ['secret_data', 'secret_data_wo']
  if (/^kubernetes_secret(?:_v1)?$/.test(type)) return ['data', 'string_data', 'binary_data']
  if (/^vault_(?:generic_secret|kv_secret|kv_secret_v2)$/.test(type)) return ['data_json', 'data_json_wo']
  return []
}
