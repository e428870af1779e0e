/**
 * A file system for isomorphic-git in which nothing on disk ever changes: what it writes stays in memory, to be put in place by
 * our own writers, which are atomic and take git's locks.
 */
import { promises } from 'node:fs';
import type { Stats } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** The calls that isomorphic-git makes. */
export interface OverlayFs {
  readonly promises: {
    readFile(path: string, options?: BufferEncoding | { encoding?: BufferEncoding }): Promise<Buffer | string>;
    writeFile(path: string, data: Uint8Array | string): Promise<void>;
    unlink(path: string): Promise<void>;
    readdir(path: string): Promise<string[]>;
    mkdir(path: string): Promise<void>;
    rmdir(path: string): Promise<void>;
    rm(path: string): Promise<void>;
    stat(path: string): Promise<Stats>;
    lstat(path: string): Promise<Stats>;
    readlink(path: string): Promise<string>;
    symlink(target: string, path: string): Promise<void>;
  };
}

export interface Overlay {
  readonly fs: OverlayFs;
  /** What was written, by absolute path. */
  readonly written: ReadonlyMap<string, Buffer>;
}

export function createOverlay(): Overlay {
  const written = new Map<string, Buffer>();
  const removed = new Set<string>();
  const absent = (path: string): NodeJS.ErrnoException => Object.assign(new Error(`ENOENT: no such file, '${path}'`), { code: 'ENOENT' });
  const describe = async (path: string): Promise<Stats> => {
    const full = resolve(path);
    const data = written.get(full);
    if (data !== undefined) {
      const stat = await promises.stat('/');
      return Object.assign(Object.create(stat) as Stats, { size: data.length, isFile: () => true, isDirectory: () => false, isSymbolicLink: () => false });
    }
    if ([...written.keys()].some((name) => name.startsWith(`${full}/`))) return promises.stat('/');
    if (removed.has(full)) throw absent(path);
    return promises.stat(full);
  };
  const remove = async (path: string): Promise<void> => {
    written.delete(resolve(path));
    removed.add(resolve(path));
  };
  return {
    written,
    fs: {
      promises: {
        async readFile(path, options) {
          const full = resolve(path);
          if (removed.has(full)) throw absent(path);
          const data = written.get(full) ?? await promises.readFile(full);
          const encoding = typeof options === 'string' ? options : options?.encoding;
          return encoding === undefined ? data : data.toString(encoding);
        },
        async writeFile(path, data) {
          removed.delete(resolve(path));
          written.set(resolve(path), Buffer.from(data as Uint8Array));
        },
        unlink: remove,
        rmdir: async () => {},
        rm: remove,
        async readdir(path) {
          const full = resolve(path);
          const names = new Set<string>();
          try {
            for (const name of await promises.readdir(full)) if (!removed.has(join(full, name))) names.add(name);
          } catch (error) {
            if (![...written.keys()].some((name) => name.startsWith(`${full}/`))) throw error;
          }
          for (const name of written.keys()) if (dirname(name) === full) names.add(name.slice(full.length + 1));
          return [...names];
        },
        mkdir: async () => {},
        stat: describe,
        lstat: describe,
        readlink: (path) => promises.readlink(path),
        symlink: async () => {},
      },
    },
  };
}
