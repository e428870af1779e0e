/** Small changes of single files in the work tree. Each file is complete before it gets its name; at every moment one or the other is there. */
import { symlinkSync, writeFileSync } from 'node:fs';
import { toDStoreError } from '../core/errors.ts';
import type { Dataset } from './dataset.ts';

/** Puts a symlink in place of whatever file is at `path`. @param path from the top of the dataset */
export function replaceLink(dataset: Dataset, path: string, target: string): void {
  const temporary = dataset.scratch.name();
  try {
    symlinkSync(target, temporary);
  } catch (error) {
    throw toDStoreError(error, `cannot create a link for ${path}`);
  }
  dataset.scratch.putInPlace(dataset.top, path, temporary);
}

/** Replaces a small text file of the work tree in one step. @param path from the top of the dataset */
export function replaceText(dataset: Dataset, path: string, text: string): void {
  const temporary = dataset.scratch.name();
  try {
    writeFileSync(temporary, text);
  } catch (error) {
    throw toDStoreError(error, `cannot write ${path}`);
  }
  dataset.scratch.putInPlace(dataset.top, path, temporary);
}

/** A value as git writes it in a configuration file. */
export function quoteConfigValue(value: string): string {
  return /^[\w./@+-]+$/.test(value) ? value : `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}
