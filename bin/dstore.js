#!/usr/bin/env node
// The program's entry. `--version` is answered before anything is loaded: scripts and completions ask it often.
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';

if (process.argv.length === 3 && (process.argv[2] === '--version' || process.argv[2] === '-V')) {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  process.stdout.write(`dstore ${version}\n`);
} else {
  // On a machine with much memory V8 lets garbage grow to several times what is in use; a compute job is charged for it.
  setFlagsFromString('--heap-growing-percent=25');
  const { main } = await import('../dist/cli.js');
  process.exitCode = await main(process.argv.slice(2));
}
