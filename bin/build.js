// Builds dist/: bundled program and library (esbuild) and type declarations (tsc).
// Bundling keeps start-up short: one file per entry point plus the chunks that commands load when used.
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
rmSync(dist, { recursive: true, force: true });
await build({
  absWorkingDir: root,
  entryPoints: {
    cli: 'src/cli/main.ts',
    index: 'src/index.ts',
    'bulk-worker': 'src/io/bulk-worker.ts',
  },
  outdir: dist,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  // Workers are found by URL beside the running chunk, so every file lies directly in dist/.
  chunkNames: '[name]-[hash]',
  // koffi loads a native file that lies beside its own package.
  external: ['koffi'],
  legalComments: 'external',
  banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
  logLevel: 'warning',
});
if (!process.argv.includes('--no-types')) {
  execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '--emitDeclarationOnly'], { cwd: root, stdio: 'inherit' });
}
