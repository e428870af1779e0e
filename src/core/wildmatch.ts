/**
 * Patterns of `.gitattributes` and `.gitignore` as git reads them (gitignore(5), and git's wildmatch where that is silent). git compares
 * bytes: `?` is one byte, not one character. Text is therefore taken as the bytes of its UTF-8 form, one character per byte.
 */

/** Text as the bytes of its UTF-8 form. */
export function byteText(text: string): string {
  for (let i = 0; i < text.length; i += 1) {
    if (text.charCodeAt(i) > 0x7f) return Buffer.from(text, 'utf8').toString('latin1');
  }
  return text;
}

function hexEscape(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, '0')}`;
}

function literal(text: string): string {
  return text.replace(/[^0-9A-Za-z_]/g, (character) => hexEscape(character.charCodeAt(0)));
}

const CLASSES: Readonly<Record<string, RegExp>> = {
  alnum: /[0-9A-Za-z]/, alpha: /[A-Za-z]/, blank: /[ \t]/, cntrl: /[\x00-\x1f\x7f]/, digit: /[0-9]/, graph: /[!-~]/, lower: /[a-z]/,
  print: /[ -~]/, punct: /[!-/:-@[-`{-~]/, space: /[\t-\r ]/, upper: /[A-Z]/, xdigit: /[0-9A-Fa-f]/,
};

/** Reads a set whose first character after `[` is at `start`; undefined when it is malformed, which then matches nothing. */
function readSet(pattern: string, start: number, crossesSlash: boolean): { source: string; next: number } | undefined {
  const members = new Uint8Array(256);
  let at = start;
  const negated = pattern[at] === '!' || pattern[at] === '^';
  if (negated) at += 1;
  let previous = -1;
  for (let first = true; first || pattern[at] !== ']'; first = false) {
    let character = pattern[at];
    if (character === undefined) return undefined;
    let next = at + 1;
    let current = character.charCodeAt(0);
    if (character === '\\') {
      character = pattern[next];
      if (character === undefined) return undefined;
      current = character.charCodeAt(0);
      members[current] = 1;
      next += 1;
    } else if (character === '-' && previous > 0 && pattern[next] !== undefined && pattern[next] !== ']') {
      if (pattern[next] === '\\') next += 1;
      if (pattern[next] === undefined) return undefined;
      const last = pattern.charCodeAt(next);
      for (let byte = previous; byte <= last; byte += 1) members[byte] = 1;
      current = -1;
      next += 1;
    } else if (character === '[' && pattern[next] === ':') {
      const end = pattern.indexOf(']', next + 1);
      if (end === -1) return undefined;
      if (end - 1 <= next || pattern[end - 1] !== ':') members[current] = 1;
      else {
        const name = CLASSES[pattern.slice(next + 1, end - 1)];
        if (name === undefined) return undefined;
        for (let byte = 0; byte < 128; byte += 1) if (name.test(String.fromCharCode(byte))) members[byte] = 1;
        current = -1;
        next = end + 1;
      }
    } else members[current] = 1;
    previous = current;
    at = next;
  }
  let source = '';
  for (let byte = 0; byte < 256; byte += 1) {
    if ((members[byte] === 1) !== negated && (crossesSlash || byte !== 0x2f)) source += hexEscape(byte);
  }
  return { source: source === '' ? '(?!)' : `[${source}]`, next: at + 1 };
}

/**
 * Regular expression source of a git wildcard pattern; undefined when it can match nothing.
 * @param crossesSlash whether `*`, `?` and sets match `/` (git does so only where a pattern without `/` is held against a base name)
 */
function wildmatchSource(pattern: string, crossesSlash: boolean): string | undefined {
  const any = crossesSlash ? '[^]*' : '[^/]*';
  let source = '';
  for (let at = 0; at < pattern.length;) {
    const character = pattern.charAt(at);
    if (character === '\\') {
      if (at + 1 === pattern.length) return undefined;
      source += literal(pattern.charAt(at + 1));
      at += 2;
    } else if (character === '?') {
      source += crossesSlash ? '[^]' : '[^/]';
      at += 1;
    } else if (character === '[') {
      const set = readSet(pattern, at + 1, crossesSlash);
      if (set === undefined) return undefined;
      source += set.source;
      at = set.next;
    } else if (character === '*') {
      let end = at + 1;
      while (pattern[end] === '*') end += 1;
      const bounded = (at === 0 || pattern[at - 1] === '/') && (end === pattern.length || pattern[end] === '/' || pattern.startsWith('\\/', end));
      if (end - at > 1 && bounded && pattern[end] === '/') {
        source += '(?:[^]*/)?';
        end += 1;
      } else source += end - at > 1 && bounded ? '[^]*' : any;
      at = end;
    } else {
      source += literal(character);
      at += 1;
    }
  }
  return source;
}

/** Length of the part of a pattern before its first wildcard or backslash. */
function literalLength(pattern: string): number {
  const at = pattern.search(/[*?[\\]/);
  return at === -1 ? pattern.length : at;
}

export interface PathPattern {
  /** `!` in front. */
  readonly negated: boolean;
  /** `/` at the end: only a directory can match. */
  readonly directoryOnly: boolean;
  /** True when it matches every path that is asked about. */
  readonly matchesAll: boolean;
  /**
   * @param path relative to the directory of the file the pattern stands in, as {@link byteText}
   * @param nameStart where the last component of `path` begins
   */
  matches(path: string, nameStart: number): boolean;
}

/** Compiles one pattern, `text` being free of the quoting, comments and trailing blanks of its file. */
export function compilePathPattern(text: string): PathPattern {
  let pattern = byteText(text);
  const negated = pattern.startsWith('!');
  if (negated) pattern = pattern.slice(1);
  const directoryOnly = pattern.endsWith('/');
  if (directoryOnly) pattern = pattern.slice(0, -1);
  const flags = { negated, directoryOnly };

  if (!pattern.includes('/')) {
    if (literalLength(pattern) === pattern.length) {
      const name = pattern;
      return { ...flags, matchesAll: false, matches: (path, nameStart) => path.length - nameStart === name.length && path.endsWith(name) };
    }
    if (pattern.startsWith('*') && literalLength(pattern.slice(1)) === pattern.length - 1) {
      const suffix = pattern.slice(1);
      return {
        ...flags,
        matchesAll: suffix === '' && !directoryOnly,
        matches: (path, nameStart) => path.length - nameStart >= suffix.length && path.endsWith(suffix),
      };
    }
    const source = wildmatchSource(pattern, true);
    if (source === undefined) return { ...flags, matchesAll: false, matches: () => false };
    const expression = new RegExp(`^${source}$`);
    return { ...flags, matchesAll: false, matches: (path, nameStart) => expression.test(path.slice(nameStart)) };
  }

  if (pattern.startsWith('/')) pattern = pattern.slice(1);
  const length = literalLength(pattern);
  const prefix = pattern.slice(0, length);
  if (length === pattern.length) return { ...flags, matchesAll: false, matches: (path) => path === prefix };
  // git compares the literal part by itself, so a ** after it counts as standing at the start of a pattern.
  const source = wildmatchSource(pattern.slice(length), false);
  if (source === undefined) return { ...flags, matchesAll: false, matches: () => false };
  const expression = new RegExp(`^${literal(prefix)}${source}$`);
  const matchesAll = pattern === '**' && !directoryOnly;
  return { ...flags, matchesAll, matches: (path) => path.startsWith(prefix) && expression.test(path) };
}

/** Undoes git's C-style quoting. `text` starts with `"`; undefined when it is not well formed. `next` follows the closing quote. */
export function unquote(text: string): { value: string; next: number } | undefined {
  const bytes: number[] = [];
  const simple: Readonly<Record<string, number>> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13, '"': 34, '\\': 92 };
  const source = byteText(text);
  for (let i = 1; i < source.length; i += 1) {
    const character = source.charAt(i);
    if (character === '"') {
      const value = Buffer.from(bytes).toString('utf8');
      return { value, next: Buffer.from(source.slice(0, i + 1), 'latin1').toString('utf8').length };
    }
    if (character !== '\\') {
      bytes.push(source.charCodeAt(i));
      continue;
    }
    i += 1;
    const escaped = simple[source.charAt(i)];
    const octal = /^[0-3][0-7]{2}/.exec(source.slice(i, i + 3))?.[0];
    if (escaped !== undefined) bytes.push(escaped);
    else if (octal !== undefined) {
      bytes.push(Number.parseInt(octal, 8));
      i += 2;
    } else return undefined;
  }
  return undefined;
}
