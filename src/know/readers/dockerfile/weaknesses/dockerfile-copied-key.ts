import type { Weakness } from '../../weakness.ts'
import type { Build, Stage } from '../build.ts'

const KEY =
  /(?:^|\/)(?:\.env(?:\.(?!example|sample|template|dist)[\w-]+)?|\.npmrc|\.netrc|\.pypirc|\.git-credentials|\.pgpass|kubeconfig|\.kube(?:\/.*)?|\.aws(?:\/.*)?|\.ssh(?:\/.*)?|\.docker(?:\/.*)?|id_(?:rsa|dsa|ed25519|ecdsa)|[\w.-]+\.(?:pem|key|p12|pfx|jks|keystore|ppk|kdbx|tfstate)|credentials(?:\.json)?|[\w.-]*service[-_]?account[\w.-]*\.json|secrets?\.(?:ya?ml|json|toml))$/i

export const dockerfileCopiedKey: Weakness<Build, Stage> = {
  id: 'dockerfile-copied-key',
  title: 'A file of credentials is copied into an image',
  severity: 'high',
  why: 'It stays in the layer even where a later command deletes it: whoever may pull the image has it.',
  fix: 'Mount it for the one command that needs it (RUN --mount=type=secret), and put it into .dockerignore.',
  frameworks: ['NHI2:2025', 'CICD-SEC-6'],
  references: ['https://docs.docker.com/build/building/secrets/'],
  *find({ jobs }) {
    for (const stage of jobs)
      for (const { name, text, line, flags } of stage.instructions) {
        // What comes from another stage was put there before.
        if ((name !== 'COPY' && name !== 'ADD') || flags.some(flag => flag.startsWith('from='))) continue
        const words = text.trim().startsWith('[')
          ? [...text.matchAll(/"([^"]*)"/g)].map(([, word = '']) => word)
          : text.trim().split(/\s+/)
        const key = words
          .slice(0, -1)
          .find(word => KEY.test(word) && !/\.pub$|(?:ca|public|cert)[\w.-]*\.pem$/i.test(word))
        if (key !== undefined)
          yield {
            line,
            certainty: 'conditional',
            why: `${stage.id} copies a file that holds credentials`,
            job: stage,
          }
      }
  },
}
