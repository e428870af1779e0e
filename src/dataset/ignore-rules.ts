/** Which untracked paths git ignores: gitignore(5), as `git check-ignore --no-index` decides it. */

import { byteText, compilePathPattern } from '../core/wildmatch.ts';
import type { PathPattern } from '../core/wildmatch.ts';

export interface IgnoreRules {
  /**
   * Whether `path` (relative to the top, `/`-separated) or a directory above it is excluded. Whether the path is tracked, which
   * takes it out of the rules, is the caller's knowledge. The `.gitignore` files above it must have been added before.
   */
  ignored(path: string, directory: boolean): boolean;
  /** Adds, or replaces, the rules of the `.gitignore` in `directory` ('' = top). */
  add(directory: string, content: string): void;
}

interface RuleFile { readonly baseLength: number; readonly patterns: readonly PathPattern[] }

/** Drops blanks at the end of a line that no backslash protects. */
function trimTrailingSpaces(line: string): string {
  let end = line.length;
  while (end > 0 && line[end - 1] === ' ') {
    let backslashes = 0;
    while (end - 2 - backslashes >= 0 && line[end - 2 - backslashes] === '\\') backslashes += 1;
    if (backslashes % 2 === 1) break;
    end -= 1;
  }
  return line.slice(0, end);
}

/** Patterns of one file, the last line (which decides) first. */
function parsePatterns(content: string): PathPattern[] {
  const patterns: PathPattern[] = [];
  for (const rawLine of content.replace(/^\uFEFF/, '').split('\n')) {
    const line = trimTrailingSpaces(rawLine.endsWith('\r') ? rawLine.slice(0, -1) : rawLine);
    if (line !== '' && !line.startsWith('#')) patterns.push(compilePathPattern(line));
  }
  return patterns.reverse();
}

/**
 * Rules from `.git/info/exclude` and the file of core.excludesFile, given as content; the `.gitignore` files follow with `add`.
 * Deeper files win over higher ones, those over `exclude`, that over `excludesFile`; below an excluded directory all is excluded.
 */
export function createIgnoreRules(options: { exclude?: string; excludesFile?: string } = {}): IgnoreRules {
  const common: RuleFile[] = [options.exclude, options.excludesFile]
    .filter((content) => content !== undefined)
    .map((content) => ({ baseLength: 0, patterns: parsePatterns(content) }))
    .filter((file) => file.patterns.length > 0);
  const byDirectory = new Map<string, RuleFile>();
  /** Files that apply in a directory, the deepest first. */
  const applicable = new Map<string, readonly RuleFile[]>();
  const excludedDirectories = new Map<string, boolean>();

  const filesFor = (directory: string): readonly RuleFile[] => {
    let files = applicable.get(directory);
    if (files === undefined) {
      const own = byDirectory.get(directory);
      const above = directory === '' ? common : filesFor(directory.slice(0, Math.max(directory.lastIndexOf('/'), 0)));
      files = own === undefined ? above : [own, ...above];
      applicable.set(directory, files);
    }
    return files;
  };

  const matched = (path: string, directory: boolean): boolean => {
    const nameStart = path.lastIndexOf('/') + 1;
    for (const file of filesFor(nameStart === 0 ? '' : path.slice(0, nameStart - 1))) {
      const relative = file.baseLength === 0 ? path : path.slice(file.baseLength);
      for (const pattern of file.patterns) {
        if (pattern.directoryOnly && !directory) continue;
        if (pattern.matches(relative, nameStart - file.baseLength)) return !pattern.negated;
      }
    }
    return false;
  };

  const excluded = (directory: string): boolean => {
    if (directory === '') return false;
    let answer = excludedDirectories.get(directory);
    if (answer === undefined) {
      answer = excluded(directory.slice(0, Math.max(directory.lastIndexOf('/'), 0))) || matched(directory, true);
      excludedDirectories.set(directory, answer);
    }
    return answer;
  };

  return {
    ignored(path, directory) {
      const bytes = byteText(path.endsWith('/') ? path.slice(0, -1) : path);
      if (directory) return excluded(bytes);
      return excluded(bytes.slice(0, Math.max(bytes.lastIndexOf('/'), 0))) || matched(bytes, false);
    },
    add(directory, content) {
      const bytes = byteText(directory);
      byDirectory.set(bytes, { baseLength: bytes === '' ? 0 : bytes.length + 1, patterns: parsePatterns(content) });
      applicable.clear();
      excludedDirectories.clear();
    },
  };
}
