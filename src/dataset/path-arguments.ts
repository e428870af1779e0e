/** From the paths a user types to a selection of paths of the dataset. */
import { realpathSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import type { GitIndex } from '../git/git-index.ts';
import { selectPaths } from './select-paths.ts';
import type { PathSelection } from './select-paths.ts';
import { lstatData } from './work-tree.ts';

interface Standing { readonly top: string; readonly prefix: string }

/** Absolute paths made relative to where the user stands; the folder's links are resolved, the last name is not: it may be a link itself. */
export function pathArguments(dataset: Standing, paths: readonly string[] | undefined): string[] {
  return (paths ?? []).map((path) => {
    if (!path.startsWith('/')) return path;
    const absolute = resolve(path);
    let real = absolute;
    try {
      real = absolute === '/' ? absolute : join(realpathSync(dirname(absolute)), basename(absolute));
    } catch {
      // The folder is not there: the path is reported as unknown later, as typed.
    }
    const inside = relative(join(dataset.top, dataset.prefix), real);
    return inside === '' ? '.' : inside.split(sep).join('/');
  });
}

/** What the user's paths select. A name that exists is that name, even where it could be read as a glob. */
export function selectionOf(dataset: Standing, paths: readonly string[] | undefined, index: GitIndex): PathSelection {
  return selectPaths(pathArguments(dataset, paths), dataset.prefix, {
    isLiteral: (path) => index.get(path) !== undefined || lstatData(join(dataset.top, path)) !== undefined,
  });
}
