/** The content that a clone has: files below annex/objects, named by key. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { KeyText } from '../core/key.ts';
import type { SharedMode } from '../io/durable.ts';
import { objectPathLower, objectPathMixed } from '../core/object-path.ts';

export interface LocalObject {
  readonly path: string;
  readonly size: number;
}

export class LocalObjects {
  readonly directory: string;
  readonly #bare: boolean;

  /** @param bare bare repositories keep new content under the lower hash directories, others under the mixed ones; readers look in both */
  constructor(annexDirectory: string, bare: boolean) {
    this.directory = join(annexDirectory, 'objects');
    this.#bare = bare;
  }

  /** Where the content of a key is put. */
  path(key: KeyText): string {
    return `${this.directory}/${this.#bare ? objectPathLower(key) : objectPathMixed(key)}`;
  }

  /** Both places where it may lie, the usual one first. */
  paths(key: KeyText): readonly [string, string] {
    const mixed = `${this.directory}/${objectPathMixed(key)}`;
    const lower = `${this.directory}/${objectPathLower(key)}`;
    return this.#bare ? [lower, mixed] : [mixed, lower];
  }

  /** The object file, or undefined when the content is not here. Other failures than absence throw. */
  find(key: KeyText): LocalObject | undefined {
    for (const path of this.paths(key)) {
      const stat = statSync(path, { throwIfNoEntry: false });
      if (stat !== undefined && stat.isFile()) return { path, size: stat.size };
    }
    return undefined;
  }
}

/**
 * Modes of an object that is put in place. Its file has its mode from when it was written, except in a shared repository, where the writer's
 * umask must not decide; the directory around it is closed against accidents, or open to the group.
 */
export function objectPlacement(shared: SharedMode): { fileMode?: number; directoryMode: number; parentShared: SharedMode } {
  return shared === 'private' ? { directoryMode: 0o555, parentShared: shared } : { fileMode: 0o444, directoryMode: 0o2775, parentShared: shared };
}
