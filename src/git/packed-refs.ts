/** The file packed-refs (git-pack-refs(1)). */
import { readFileSync, statSync } from 'node:fs';
import { DStoreError, toDStoreError } from '../core/errors.ts';
import { sortByPath } from './bytes.ts';

export interface PackedRefs {
  readonly refs: ReadonlyMap<string, string>;
  /** Peeled oids of annotated tags. */
  readonly peeled: ReadonlyMap<string, string>;
}

const NONE: PackedRefs = { refs: new Map(), peeled: new Map() };

/** Reads packed-refs, again only when the file has changed. */
export class PackedRefsFile {
  readonly path: string;
  #stamp = '';
  #content: PackedRefs = NONE;

  constructor(path: string) {
    this.path = path;
  }

  /** @throws GIT_CORRUPT, PERMISSION, IO */
  read(): PackedRefs {
    try {
      const stat = statSync(this.path, { bigint: true, throwIfNoEntry: false });
      if (stat === undefined) return NONE;
      const stamp = `${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}`;
      if (stamp !== this.#stamp) {
        this.#content = parsePackedRefs(readFileSync(this.path, 'utf8'), this.path);
        this.#stamp = stamp;
      }
      return this.#content;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return NONE;
      throw toDStoreError(error, `cannot read ${this.path}`);
    }
  }
}

export function parsePackedRefs(text: string, path = 'packed-refs'): PackedRefs {
  const refs = new Map<string, string>();
  const peeled = new Map<string, string>();
  let last = '';
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    if (line.startsWith('^')) {
      peeled.set(last, line.slice(1, 41));
      continue;
    }
    if (!/^[0-9a-f]{40} ./.test(line)) throw new DStoreError('GIT_CORRUPT', `${path} has a bad line: ${line}`, { hint: `look at ${path}` });
    last = line.slice(41);
    refs.set(last, line.slice(0, 40));
  }
  return { refs, peeled };
}

/** The file's text. Without `fully-peeled` readers peel tags themselves where no peeled line stands. */
export function printPackedRefs(packed: PackedRefs): string {
  const lines = ['# pack-refs with: peeled sorted '];
  for (const name of sortByPath([...packed.refs.keys()], (ref) => ref)) {
    lines.push(`${packed.refs.get(name) as string} ${name}`);
    const oid = packed.peeled.get(name);
    if (oid !== undefined) lines.push(`^${oid}`);
  }
  return `${lines.join('\n')}\n`;
}
