/** Turns the paths, folders and globs that a user typed into a predicate over paths of the dataset. */

import picomatch from 'picomatch';

import { DStoreError } from '../core/errors.ts';

export interface PathSelection {
  matches(path: string): boolean;
  /** Directories worth walking into: false only when nothing below can match. */
  mayContain(directory: string): boolean;
  /** True when every path matches. */
  readonly everything: boolean;
  /** Arguments that matched nothing so far, as typed. */
  unmatched(): string[];
}

/** The options that fast-glob's `dot: true` comes down to; quotes are parts of names here. */
const GLOB_OPTIONS = { dot: true, posix: true, strictSlashes: false, keepQuotes: true, nonegate: true } as const;

interface Glob {
  readonly matches: (path: string) => boolean;
  /** Directory that everything it matches is in, '' for the top. */
  readonly base: string;
  /** Matchers of the single path components as far as they can be told apart; undefined: anything from here on. */
  readonly components: readonly (((component: string) => boolean) | undefined)[];
  /** Whether a directory matches, remembered because every file below asks again. */
  readonly directories: Map<string, boolean>;
}

/** Whether fast-glob takes it for a pattern: `file (1).txt` and `a{1}` are names, `*`, `[ab]`, `{a,b}`, `@(a|b)` are not. */
function isGlob(text: string): boolean {
  return /[*?]|\[[^[]*\]|[!*+?@]\([^(]*\)|(?:^|[^!*+?@])\([^(]*\|[^|]*\)|\{[^{}]*(?:,|\.\.)[^{}]*\}/.test(text);
}

/** Protects the parentheses of a name such as `file (1)*.txt`, which picomatch takes for a regular expression's group. */
function protectParentheses(pattern: string): string {
  return pattern.replace(/(^|[^!*+?@\\])\(([^()|]*)\)/g, '$1\\($2\\)');
}

/** @param pattern relative to the top */
function compileGlob(pattern: string): (path: string) => boolean {
  return picomatch(protectParentheses(pattern), GLOB_OPTIONS);
}

function compile(pattern: string): Glob {
  const all = pattern.split('/');
  const plain = all.findIndex((component) => isGlob(component) || /[\\()[\]{}]/.test(component));
  const base = all.slice(0, plain === -1 ? all.length - 1 : plain);
  const rest = all.slice(base.length);
  const components: Glob['components'][number][] = base.map((name) => (component: string) => component === name);
  for (const component of rest) {
    // A brace or parenthesis may hold a slash, and then the pattern's components are not those of the path.
    if (component.includes('**') || /[{}()]/.test(component)) {
      components.push(undefined);
      break;
    }
    components.push(compileGlob(component));
  }
  return { matches: compileGlob(pattern), base: base.join('/'), components, directories: new Map() };
}

/** Whether the glob matches the path itself or a directory above it. */
function matchesAt(glob: Glob, path: string): boolean {
  if (glob.base !== '' && !(path.startsWith(glob.base) && path[glob.base.length] === '/')) return false;
  return glob.matches(path) || matchesAbove(glob, path);
}

function matchesAbove(glob: Glob, path: string): boolean {
  const slash = path.lastIndexOf('/');
  if (slash <= glob.base.length) return false;
  const directory = path.slice(0, slash);
  let answer = glob.directories.get(directory);
  if (answer === undefined) {
    answer = glob.matches(directory) || matchesAbove(glob, directory);
    glob.directories.set(directory, answer);
  }
  return answer;
}

function mayMatchBelow(glob: Glob, directory: string): boolean {
  const names = directory.split('/');
  for (const [i, name] of names.entries()) {
    // Longer than the pattern: only when the pattern matches a directory above.
    if (i >= glob.components.length) return true;
    const component = glob.components[i];
    if (component === undefined) return true;
    if (!component(name)) return false;
  }
  return true;
}

/** `text` relative to `prefix`, without `.` and `..`. @throws PATH_OUTSIDE when it climbs above the top */
function normalize(text: string, prefix: string, argument: string): string {
  const parts: string[] = [];
  for (const part of `${prefix}/${text}`.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) {
      throw new DStoreError('PATH_OUTSIDE', `${argument} lies outside the dataset`, { hint: 'name a path below the top of the dataset' });
    }
  }
  return parts.join('/');
}

/** A prefix is a name, even when it looks like a glob. */
function escapeGlob(name: string): string {
  return name.replace(/[\\*?[\](){}!+@|]/g, '\\$&');
}

/**
 * Compiles `args` into a predicate over paths relative to the top of the dataset.
 *
 * An argument is a file, a folder (all below it) or a glob, relative to `prefix`; `:/` in front makes it relative to the top. Globs follow
 * fast-glob with dotfiles matched: `*` and `?` stay within a component, `**` crosses them, `{a,b}`, `[ab]`, `@(a|b)`; a glob that matches
 * a folder means all below it, as the shell's expansion would. `!GLOB` takes away from what the other arguments (none: everything below
 * `prefix`) select. No argument selects everything below `prefix`.
 *
 * @param args as typed; absolute paths have been made relative
 * @param prefix folder the user stands in, relative to the top, '' or 'sub/dir'
 * @param options.isLiteral tells that something of this name (relative to the top) exists, tracked or on disk; an argument of that very
 * text is then that name and not a glob. Without it such an argument matches both ways
 * @throws PATH_OUTSIDE for an argument that leads above the top
 */
export function selectPaths(args: readonly string[], prefix: string, options: { isLiteral?: (path: string) => boolean } = {}): PathSelection {
  const here = normalize('', prefix, prefix);
  const matched = new Set<number>();
  /** Name → the arguments that gave it. */
  const literals = new Map<string, number[]>();
  const foldersOnly = new Set<number>();
  const globs: { readonly index: number; readonly glob: Glob; readonly foldersOnly: boolean }[] = [];
  const excluded: Glob[] = [];
  const exclusions = new Set<number>();
  const addLiteral = (path: string, index: number): void => {
    const indexes = literals.get(path);
    if (indexes === undefined) literals.set(path, [index]);
    else indexes.push(index);
  };

  for (const [index, argument] of args.entries()) {
    const fromTop = argument.startsWith(':/');
    const text = fromTop ? argument.slice(2) : argument;
    const base = fromTop ? '' : here;
    const asName = (name: string): string => normalize(name, base, argument);
    const asGlob = (pattern: string): Glob => compile(normalize(pattern, base === '' ? '' : escapeGlob(base), argument));
    const exists = options.isLiteral?.(asName(text)) ?? false;
    if (!exists && text.length > 1 && text.startsWith('!') && text[1] !== '(') {
      excluded.push(asGlob(text.slice(1)));
      exclusions.add(index);
      continue;
    }
    if (text.endsWith('/')) foldersOnly.add(index);
    addLiteral(asName(text), index);
    if (!exists && (isGlob(text) || text.includes('\\'))) globs.push({ index, glob: asGlob(text), foldersOnly: text.endsWith('/') });
  }
  if (exclusions.size === args.length) addLiteral(here, args.length);

  const everything = literals.has('') && excluded.length === 0;
  const selectsTop = literals.get('');

  const note = (indexes: readonly number[]): void => {
    for (const index of indexes) matched.add(index);
  };

  const matches = (path: string): boolean => {
    for (const glob of excluded) if (matchesAt(glob, path)) return false;
    let found = false;
    if (selectsTop !== undefined) {
      found = true;
      note(selectsTop);
    }
    const exact = literals.get(path);
    if (exact !== undefined) {
      const files = foldersOnly.size === 0 ? exact : exact.filter((index) => !foldersOnly.has(index));
      if (files.length > 0) found = true;
      note(files);
    }
    if (literals.size > 0) {
      for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1)) {
        const above = literals.get(path.slice(0, slash));
        if (above === undefined) continue;
        found = true;
        note(above);
      }
    }
    for (const { index, glob, foldersOnly: onlyBelow } of globs) {
      if (found && matched.has(index)) continue;
      if (!(onlyBelow ? matchesAbove(glob, path) : matchesAt(glob, path))) continue;
      found = true;
      matched.add(index);
    }
    return found;
  };

  /** Literals and every directory above one. */
  const towards = new Set<string>();
  for (const path of literals.keys()) {
    for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) towards.add(path.slice(0, end));
  }

  const mayContain = (directory: string): boolean => {
    if (directory === '') return true;
    for (const glob of excluded) if (matchesAt(glob, directory)) return false;
    if (selectsTop !== undefined || towards.has(directory)) return true;
    for (let slash = directory.indexOf('/'); slash !== -1; slash = directory.indexOf('/', slash + 1)) {
      if (literals.has(directory.slice(0, slash))) return true;
    }
    return globs.some(({ glob }) => mayMatchBelow(glob, directory));
  };

  return {
    matches,
    mayContain,
    everything,
    unmatched: () => args.filter((_, index) => !matched.has(index) && !exclusions.has(index)),
  };
}
