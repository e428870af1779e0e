/** Copying what one object directory has and another has not: packs and loose objects, as files. */
import { chmodSync, copyFileSync, linkSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { toDStoreError } from '../core/errors.ts';
import type { Op } from '../core/op.ts';
import { checkAborted } from '../core/op.ts';
import { randomName } from '../io/clock.ts';
import type { SharedMode } from '../io/durable.ts';
import { makeDirectory, syncFileSystem } from '../io/durable.ts';
import { ObjectStore } from './object-store.ts';
import { objectFileMode } from './pack-writer.ts';

/**
 * Copies every object that the target lacks; durable when it returns.
 * @param from,to `objects` directories
 * @param options.link hard links where possible: for a clone of one's own, which may share files that never change
 */
export async function copyObjects(
  from: string, to: string, op: Op, options: { link: boolean; shared: SharedMode; alternates?: 'copy' | 'refer' },
): Promise<void> {
  const store = new ObjectStore(from);
  const sources = options.alternates === 'refer' ? [from] : [...store.directories];
  store.close();
  if (options.alternates === 'refer') copyAlternates(from, to);
  let copied = 0;
  for (const source of sources) {
    for (let attempt = 0; ; attempt += 1) {
      try {
        copied += copyDirectory(source, to, op, options);
        break;
      } catch (error) {
        // Repacked meanwhile: what has gone is in a new pack now.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt >= 3) {
          throw toDStoreError(error, `cannot copy git objects from ${source}`);
        }
      }
    }
  }
  if (copied > 0 && !options.link) await syncFileSystem(to);
}

function copyAlternates(from: string, to: string): void {
  let text: string;
  try {
    text = readFileSync(join(from, 'info/alternates'), 'utf8');
  } catch {
    return;
  }
  const lines = text.split('\n').filter((line) => line !== ''
    && !line.startsWith('#')).map((line) => (isAbsolute(line) ? line : resolve(from, line)));
  if (lines.length > 0) writeFileSync(join(to, 'info/alternates'), `${lines.join('\n')}\n`);
}

function copyDirectory(from: string, to: string, op: Op, options: { link: boolean; shared: SharedMode }): number {
  let copied = 0;
  const packs = join(to, 'pack');
  makeDirectory(packs, options.shared);
  const present = new Set(readdirSync(packs));
  for (const name of listed(join(from, 'pack'))) {
    // The index comes last: it is what makes a pack visible.
    if (!/^pack-[0-9a-f]{40}\.idx$/.test(name) || present.has(name)) continue;
    checkAborted(op);
    const base = name.slice(0, -4);
    copyFile(join(from, 'pack', `${base}.pack`), join(packs, `${base}.pack`), options);
    copyFile(join(from, 'pack', name), join(packs, name), options);
    copied += 1;
  }
  for (const directory of listed(from)) {
    if (!/^[0-9a-f]{2}$/.test(directory)) continue;
    checkAborted(op);
    const target = join(to, directory);
    const have = new Set(listed(target));
    const missing = listed(join(from, directory)).filter((name) => /^[0-9a-f]{38}$/.test(name) && !have.has(name));
    if (missing.length === 0) continue;
    makeDirectory(target, options.shared);
    for (const name of missing) copyFile(join(from, directory, name), join(target, name), options);
    copied += missing.length;
  }
  return copied;
}

function copyFile(from: string, to: string, options: { link: boolean; shared: SharedMode }): void {
  if (options.link) {
    try {
      linkSync(from, to);
      return;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'EEXIST') return;
      if (code === 'ENOENT') statSync(from);
      // Another file system, or links are forbidden there: copied below.
    }
  }
  const temporary = `${to.slice(0, to.lastIndexOf('/'))}/tmp_obj_${randomName()}`;
  try {
    copyFileSync(from, temporary);
    chmodSync(temporary, options.shared === 'private' ? 0o444 & ~process.umask() : objectFileMode(options.shared));
    renameSync(temporary, to);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

function listed(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}
