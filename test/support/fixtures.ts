import { chmodSync, lstatSync, mkdirSync, readFileSync, readdirSync, readlinkSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** path → content; a path is relative to the folder, with `/`. */
export type Files = Readonly<Record<string, string>>;

/** Binary, so that rules by kind of content put it into the annex. */
export function bytes(text: string): string {
  return `\0\u0001${text}`;
}

const deep = `${Array.from({ length: 24 }, (_, level) => `level ${level}`).join('/')}/bottom.dat`;
const long = `${Array.from({ length: 8 }, (_, part) => `${part}-${'long'.repeat(14)}`).join('/')}/end.dat`;

/** Names and contents that programs stumble over. DataLad can save all of them. */
export const HARD_FILES: Files = {
  'plain.dat': bytes('plain'),
  'with space.dat': bytes('space'),
  'two  spaces /and at the end ': bytes('end'),
  'it\'s "quoted".dat': bytes('quotes'),
  'caf\u00e9-composed.dat': bytes('composed'),
  'cafe\u0301-decomposed.dat': bytes('decomposed'),
  '\u65e5\u672c\u8a9e/gr\u00f6\u00dfe.dat': bytes('japanese'),
  '-dash.dat': bytes('dash'),
  '--force': bytes('option'),
  '$dollar;semi&amp%percent#hash.dat': bytes('shell'),
  '[brackets]*.dat': bytes('glob'),
  '.hidden.dat': bytes('hidden'),
  'noextension': bytes('noextension'),
  'double.tar.gz': bytes('double'),
  'empty.dat': '',
  'same one.dat': bytes('the same'),
  'folder/same two.dat': bytes('the same'),
  [deep]: bytes('deep'),
  [long]: bytes('long'),
};

/** Names for git and git-annex only: DataLad fails on a newline or a tab. Also one name in both Unicode forms at one place. */
export const HARDEST_FILES: Files = {
  ...HARD_FILES,
  'new\nline.dat': bytes('newline'),
  'tab\there.dat': bytes('tab'),
  'back\\slash.dat': bytes('backslash'),
  'pair \u00fc.dat': bytes('composed of a pair'),
  'pair u\u0308.dat': bytes('decomposed of a pair'),
};

/** Writes files, then an executable (`run.sh`) and a symlink that is not annexed (`link to plain` → `plain.dat`). */
export function writeHardFiles(directory: string, files: Files = HARD_FILES): Files {
  writeFiles(directory, files);
  writeFiles(directory, { 'run.sh': '#!/bin/sh\necho run\n' });
  chmodSync(join(directory, 'run.sh'), 0o755);
  symlinkSync('plain.dat', join(directory, 'link to plain'));
  return { ...files, 'run.sh': '#!/bin/sh\necho run\n' };
}

export function writeFiles(directory: string, files: Files): void {
  for (const [path, content] of Object.entries(files)) {
    const target = join(directory, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, content);
  }
}

/** Content of the named files, following annex links; `undefined` for content that is not here. */
export function readFiles(directory: string, paths: Iterable<string>): Record<string, string | undefined> {
  const found: Record<string, string | undefined> = {};
  for (const path of paths) {
    const file = join(directory, path);
    found[path] = statSync(file, { throwIfNoEntry: false }) === undefined ? undefined : readFileSync(file, 'utf8');
  }
  return found;
}

/** Everything below a folder except `.git`: path → kind, permissions and content or link target. Two equal snapshots: nothing changed. */
export function snapshot(directory: string, options: { readonly git?: boolean } = {}): Record<string, string> {
  const seen: Record<string, string> = {};
  const walk = (relative: string): void => {
    for (const name of readdirSync(join(directory, relative)).sort()) {
      if (name === '.git' && options.git !== true) continue;
      const path = relative === '' ? name : `${relative}/${name}`;
      const stat = lstatSync(join(directory, path));
      const mode = (stat.mode & 0o7777).toString(8);
      if (stat.isSymbolicLink()) {
        seen[path] = `link ${readlinkSync(join(directory, path))}`;
      } else if (stat.isDirectory()) {
        seen[path] = `folder ${mode}`;
        walk(path);
      } else {
        seen[path] = `file ${mode} ${readFileSync(join(directory, path)).toString('base64')}`;
      }
    }
  };
  walk('');
  return seen;
}
