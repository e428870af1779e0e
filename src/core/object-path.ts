/** Where the content of a key lies below an `annex/objects` directory. */
import { hashDirLower, hashDirMixed, keyToFileName } from './key.ts';
import type { KeyText } from './key.ts';

/** `xX/yY/F/F`: below `.git/annex/objects` of a repository with a work tree. */
export function objectPathMixed(key: KeyText): string {
  const name = keyToFileName(key);
  return `${hashDirMixed(key)}/${name}/${name}`;
}

/** `abc/def/F/F`: below `annex/objects` of a bare repository; also in directory and rsync special remotes. */
export function objectPathLower(key: KeyText): string {
  const name = keyToFileName(key);
  return `${hashDirLower(key)}/${name}/${name}`;
}

/**
 * Relative object paths below `annex/objects` of a dataset directory of a store; the first is where a writer puts the object,
 * the others are where a reader also looks.
 *
 * The ORA special remote hashes the key name as escaped for the file system where git-annex hashes the key. The two differ
 * for keys with `&`, `%`, `:` or `/` in them, and a store can have both: objects can also come from a clone's object tree.
 * @param layout content of the dataset's `ria-layout-version`: `1` lower, `2` mixed hash directories
 */
export function storeObjectPaths(key: KeyText, layout: '1' | '2'): readonly string[] {
  const hashDirectory = layout === '1' ? hashDirLower : hashDirMixed;
  const name = keyToFileName(key);
  const written = `${hashDirectory(name)}/${name}/${name}`;
  const elsewhere = name === key ? written : `${hashDirectory(key)}/${name}/${name}`;
  return elsewhere === written ? [written] : [written, elsewhere];
}
