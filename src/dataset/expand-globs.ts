/** Finds what globs match in the work tree, tracked or not; for tracked paths select-paths.ts needs no look at the disk. */

import { byteText } from '../core/wildmatch.ts';
import { protectParentheses } from './select-paths.ts';

/**
 * Files and symbolic links (broken ones too) below `top` that match a pattern, or lie below a folder that matches one. Dotfiles
 * count; `.git` never does, and links are not followed.
 * @param patterns relative to `top`, `/`-separated, in fast-glob's syntax
 * @param top absolute path
 * @returns paths relative to `top`, each once, in git's order
 */
export async function expandGlobsOnDisk(patterns: readonly string[], top: string): Promise<string[]> {
  if (patterns.length === 0) return [];
  const { default: fastGlob } = await import('fast-glob');
  const wanted = patterns.map((pattern) => protectParentheses(pattern.replace(/\/+$/, '')));
  const entries = await fastGlob([...wanted, ...wanted.map((pattern) => `${pattern}/**`)], {
    cwd: top,
    dot: true,
    ignore: ['**/.git', '**/.git/**'],
    // Links are entries of their own here, and fast-glob counts them as files only when it follows them.
    onlyFiles: false,
    followSymbolicLinks: false,
    objectMode: true,
  });
  const paths = entries.filter((entry) => !entry.dirent.isDirectory()).map((entry) => entry.path.replace(/^(?:\.\/)+/, ''));
  return [...new Set(paths)].sort((a, b) => {
    const x = byteText(a);
    const y = byteText(b);
    return x < y ? -1 : x > y ? 1 : 0;
  });
}
