/**
 * git-annex's globs, of `include=`, `exclude=`, `mimetype=` and `metadata=`: `*` and `?` also match `/`, a leading dot is nothing
 * special, `[abc]` and `[!abc]` are sets, and there is neither `**` nor `{a,b}` nor an escape character.
 *
 * git-annex turns a glob into a POSIX regular expression: letters, digits and `_` stand for themselves, everything else is written with a
 * backslash, a set is copied up to its first `]`. Oddities follow from that which decide where a file is stored, so they are kept:
 * `'`, `` ` ``, `<` and `>` become anchors (end, start, word start, word end) and cannot match themselves; a `]` directly after `[`
 * belongs to the set, and so does the backslash written before the `]` that closes it; names with newlines match line by line.
 */

import { DStoreError } from './errors.ts';

const POSIX_CLASSES: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z', alpha: 'A-Za-z', blank: ' \\t', cntrl: '\\x00-\\x1f\\x7f', digit: '0-9', graph: '!-~', lower: 'a-z',
  print: ' -~', punct: '!-\\/:-@\\[-`{-~', space: '\\t-\\r ', upper: 'A-Z', word: '0-9A-Z_a-z', xdigit: '0-9A-Fa-f',
};

/** What an escaped character means where it is not simply itself. */
const ANCHORS: Readonly<Record<string, string>> = {
  '\'': '(?![^])', '`': '(?<![^])', '<': '\\b(?=[0-9A-Z_a-z])', '>': '\\b(?<=[0-9A-Z_a-z])',
};

const LINE_START = '(?<![^\\n])';
const LINE_END = '(?![^\\n])';
function literal(character: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(character) ? `\\${character}` : character;
}

function member(character: string): string {
  return /[\\^[\]-]/.test(character) ? `\\${character}` : character;
}

/** The glob as POSIX expression, one element per character; an escaped character is a backslash and the character. */
function posixElements(pattern: string): string[] {
  const elements: string[] = [];
  let inSet = false;
  const characters = [...pattern];
  for (let i = 0; i < characters.length; i += 1) {
    const character = characters[i] ?? '';
    if (inSet) {
      elements.push(character);
      if (character === ']') inSet = false;
    } else if (character === '[') {
      inSet = true;
      elements.push('[');
      if (characters[i + 1] === '!') {
        elements.push('^');
        i += 1;
      }
    } else if (character === '*') elements.push('.', '*');
    else if (character === '?') elements.push('.');
    else if (/[\p{L}\p{N}_]/u.test(character)) elements.push(character);
    else elements.push('\\', character);
  }
  return elements;
}

/** Reads the set that starts after `[`; undefined when it is malformed. */
function readSet(elements: readonly string[], start: number): { source: string; next: number } | undefined {
  let at = start;
  const negated = elements[at] === '^';
  if (negated) at += 1;
  let members = '';
  for (let first = true; ; first = false) {
    const character = elements[at];
    if (character === undefined) return undefined;
    if (character === ']' && !first) break;
    const opener = elements[at + 1] ?? '';
    if (character === '[' && (opener === ':' || opener === '=' || opener === '.')) {
      let end = at + 2;
      while (end < elements.length && !(elements[end] === opener && elements[end + 1] === ']')) end += 1;
      if (end < elements.length) {
        const name = elements.slice(at + 2, end);
        if (opener === ':') members += POSIX_CLASSES[name.join('')] ?? '';
        else if (opener === '=') members += name.map(member).join('');
        at = end + 2;
        continue;
      }
    }
    const last = elements[at + 2];
    if (elements[at + 1] === '-' && last !== undefined && last !== ']') {
      if ((character.codePointAt(0) ?? 0) > (last.codePointAt(0) ?? 0)) return undefined;
      members += `${member(character)}-${member(last)}`;
      at += 3;
      continue;
    }
    members += member(character);
    at += 1;
  }
  // A set that excludes never matches a newline.
  if (negated) return { source: `[^${members}\\n]`, next: at + 1 };
  return { source: members === '' ? '(?!)' : `[${members}]`, next: at + 1 };
}

/** The regular expression of a glob. @throws EXPRESSION_INVALID for a set that is not closed or a range that runs backwards */
function globSource(pattern: string): string {
  const elements = posixElements(pattern);
  let source = '';
  for (let i = 0; i < elements.length; i += 1) {
    const element = elements[i] ?? '';
    if (element === '\\') {
      i += 1;
      const character = elements[i] ?? '';
      source += ANCHORS[character] ?? literal(character);
    } else if (element === '.') {
      source += '[^\\n]';
      if (elements[i + 1] === '*') {
        source += '*';
        i += 1;
      }
    } else if (element === '[') {
      const set = readSet(elements, i + 1);
      if (set === undefined) {
        throw new DStoreError('EXPRESSION_INVALID', `cannot understand the glob ${JSON.stringify(pattern)}: its [...] is malformed`, {
          hint: 'close the bracket, or use ? in place of a bracket that is part of a name',
        });
      }
      source += set.source;
      i = set.next - 1;
    } else source += literal(element);
  }
  return source;
}

function compile(pattern: string, flags: string): (text: string) => boolean {
  const expression = new RegExp(`${LINE_START}${globSource(pattern)}${LINE_END}`, flags);
  return (text) => expression.test(text);
}

/**
 * Predicate over paths relative to the top of the dataset (or any text), with the case respected.
 * @throws EXPRESSION_INVALID for a malformed `[...]`, which git-annex refuses too
 */
export function annexGlob(pattern: string): (path: string) => boolean {
  const suffix = /^\*([\w.]+)$/.exec(pattern)?.[1];
  if (suffix !== undefined) {
    // The usual *.ext without a regular expression; only a newline would make a difference.
    const slow = compile(pattern, 'u');
    return (path) => path.endsWith(suffix) || (path.includes('\n') && slow(path));
  }
  return compile(pattern, 'u');
}

/** As {@link annexGlob}, but upper and lower case are the same: how git-annex matches metadata values. */
export function annexGlobIgnoringCase(pattern: string): (text: string) => boolean {
  return compile(pattern, 'iu');
}
