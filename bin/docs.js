// Writes docs/reference/cli.md and docs/reference/errors.md from the tables in src/cli and src/core.
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { outputFiles } = await build({
  absWorkingDir: root,
  entryPoints: ['src/cli/reference.ts'],
  bundle: true,
  write: false,
  format: 'esm',
  platform: 'node',
  // The descriptions name the operations; writing about them does not need them.
  plugins: [{ name: 'no-operations', setup: ({ onResolve }) => onResolve({ filter: /\/ops\// }, ({ path }) => ({ path, external: true })) }],
});
const { cliReference, errorsReference } = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);
writeFileSync(join(root, 'docs/reference/cli.md'), cliReference());
writeFileSync(join(root, 'docs/reference/errors.md'), errorsReference());
