/** How a kind of file writes keys and values; `text` is everything that is not known. */
export const DIALECTS = [
  'json',
  'yaml',
  'env',
  'shell',
  'docker',
  'ini',
  'toml',
  'xml',
  'netrc',
  'code',
  'text',
] as const
export type Dialect = (typeof DIALECTS)[number]

/** Neither a program nor prose: what stands bare there is a value. */
export function isOfSettings(dialect: Dialect): boolean {
  return dialect !== 'code' && dialect !== 'text'
}

const BY_EXTENSION: Record<string, Dialect> = {}
for (const [dialect, extensions] of Object.entries({
  json: 'json jsonc json5 tfstate ipynb webmanifest dockercfg ftpconfig avsc har map jsonl ndjson',
  yaml: 'yml yaml sls eyaml',
  env: 'env',
  shell: 'sh bash zsh ksh fish profile bashrc bash_profile zshrc bash_history envrc',
  docker: 'dockerfile containerfile',
  ini: 'ini cfg conf cnf properties s3cfg esmtprc npmrc credentials pypirc gitconfig service inf reg desktop',
  toml: 'toml',
  xml: 'xml config csproj vbproj props targets plist xhtml html htm jsp aspx',
  netrc: 'netrc',
  code: 'js mjs cjs jsx ts mts cts tsx py rb go rs java kt kts scala groovy gradle php cs fs vb c h cc cpp hpp m mm swift dart lua pl pm r jl ex exs erl hs clj sql tf tfvars hcl ps1 psm1 vue svelte proto graphql css scss less pyi pyx sbt csx fsx cxx hh hxx inc ino rake gemspec phtml coffee sol nim zig cr el lisp rkt ml mli pas tcl awk astro dfm bicep nix cue jsonnet libsonnet exp bas vba vbs frm',
} satisfies Partial<Record<Dialect, string>>)) {
  for (const extension of extensions.split(' ')) BY_EXTENSION[extension] = dialect as Dialect
}

/** Told by the path; without a telling path, by how the content begins. */
export function dialectOf(path: string, head: string): Dialect {
  const whole = path.slice(path.lastIndexOf('/') + 1).toLowerCase()
  // `config.php.bak`, `application.yml.j2`, `settings.py.example`: what it becomes, or was.
  const name = whole.replace(
    /(?<=[a-z0-9]\.[a-z0-9]{1,12})(?:\.(?:bak|old|orig|save|dist|default|example|sample|template|tmpl|tpl|j2|jinja2?|erb|ejs|in|local|swp|disabled|backup|txt)|~)+$/,
    '',
  )
  if (/^\.?env(\.|$)/.test(name) || name.endsWith('.env')) return 'env'
  if (/^(?:docker|container)file(\.|$)/.test(name)) return 'docker'
  const start = head.trimStart()
  // .NET's are XML; who else calls a file so means sections or lines.
  if (name.endsWith('.config') && !start.startsWith('<')) return start.startsWith('{') ? 'json' : 'ini'
  const known = BY_EXTENSION[name.slice(name.lastIndexOf('.') + 1)]
  if (known && name.includes('.')) return known
  if (/^(?:credentials|config)$/.test(name))
    return /^\s*[{[]/.test(head) && !/^\s*\[\w/.test(head) ? 'json' : 'ini'
  // Of Ansible.
  if (/^(?:hosts|inventory)$/.test(name)) return /^(?:---|all:)/.test(start) ? 'yaml' : 'ini'
  if (/^(?:\{\s*["}]|\[\s*[{"])/.test(start)) return 'json'
  if (start.startsWith('<?xml')) return 'xml'
  if (/^#!.{0,40}\b(?:ba|z|k|da)?sh\b/.test(start)) return 'shell'
  if (/^(?:---|apiVersion:|kind:)/.test(start)) return 'yaml'
  return 'text'
}
