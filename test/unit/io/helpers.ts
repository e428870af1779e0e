import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

/** Numeric comparison of two clocks of the same length of whole seconds. */
export function compareText(a: string, b: string): number {
  return Number(a.slice(6, -1)) - Number(b.slice(6, -1));
}

let count = 0;

/** Bundles a script that imports our sources, so that a real second process can run it; returns its path. */
export async function bundleForNode(script: string, folder: string): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const outfile = join(folder, `script-${++count}.mjs`);
  await build({
    stdin: { contents: script, resolveDir: import.meta.dirname, loader: 'ts' },
    outfile, bundle: true, format: 'esm', platform: 'node', target: 'node20', logLevel: 'warning',
    define: { 'import.meta.url': JSON.stringify(import.meta.url) },
  });
  return outfile;
}

/** Bundles the worker thread into a folder, as the build does into dist/. */
export async function buildWorker(folder: string): Promise<void> {
  await build({
    entryPoints: { 'bulk-worker': join(import.meta.dirname, '../../../src/io/bulk-worker.ts') },
    outdir: folder, bundle: true, splitting: true, format: 'esm', platform: 'node', target: 'node20', logLevel: 'warning',
  });
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
}
