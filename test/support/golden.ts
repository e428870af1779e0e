import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from './project.ts';
import type { Sandbox } from './sandbox.ts';

/** What a reader must find in a golden store. */
export interface GoldenExpectation {
  readonly dataset: string;
  readonly alias: string;
  readonly storage: string;
  readonly commit: string;
  /** path → SHA-256 of the content. */
  readonly files: Readonly<Record<string, string>>;
}

/** Unpacks a golden store into a new folder. @returns the store's path */
export async function unpackGolden(sandbox: Sandbox, name: string, into: string): Promise<string> {
  mkdirSync(into, { recursive: true });
  await sandbox.ok('tar', ['-xzf', join(PROJECT, 'store-layout/golden', `${name}.tar.gz`), '-C', into, '--no-same-owner']);
  return join(into, 'store');
}

export function goldenExpectation(name: string): GoldenExpectation {
  return JSON.parse(readFileSync(join(PROJECT, 'store-layout/golden', `${name}.json`), 'utf8')) as GoldenExpectation;
}
