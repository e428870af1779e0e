/** Small changes of single files in the work tree. */
import { renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { randomName } from '../io/clock.ts';

/** Puts a symlink in place of whatever file is at `path`; at every moment one or the other is there. */
export function replaceLink(path: string, target: string): void {
  const temporary = join(dirname(path), `.dstore-${randomName()}`);
  symlinkSync(target, temporary);
  try {
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Replaces a small text file of the work tree in one step. */
export function replaceText(path: string, text: string): void {
  const temporary = join(dirname(path), `.dstore-${randomName()}`);
  writeFileSync(temporary, text);
  renameSync(temporary, path);
}

/** A value as git writes it in a configuration file. */
export function quoteConfigValue(value: string): string {
  return /^[\w./@+-]+$/.test(value) ? value : `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}
