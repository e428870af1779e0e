/** The syntax of git configuration files (git-config(1), "Syntax"): reading, and editing without touching what is not meant. */
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { DStoreError } from '../core/errors.ts';
import { takeLockFile } from '../io/lock-file.ts';

/** One `name = value` of a file, with the place of its text. */
export interface ConfigItem {
  /** `section.sub section.variable`: section and variable in lower case. */
  readonly name: string;
  /** A variable without `=` has the value `true`, which is what it means. */
  readonly value: string;
  /** Character range of the assignment, from the variable's first letter to the end of the value and its comment. */
  readonly start: number;
  readonly end: number;
  /** Index into the file's sections. */
  readonly section: number;
}

export interface ConfigSection {
  /** `remote.origin`, `core`. */
  readonly name: string;
  /** Character range from `[` to `]`. */
  readonly start: number;
  readonly headEnd: number;
}

export interface ConfigText { readonly items: ConfigItem[]; readonly sections: ConfigSection[] }

function invalid(line: number, file: string): DStoreError {
  return new DStoreError('CONFIG_INVALID', `bad config line ${line} in ${file}`, {
    hint: `see what git says: git config --file ${file} --list`,
  });
}

/** Reads a file's text with positions. @throws CONFIG_INVALID naming file and line */
export function scanConfig(text: string, file = 'configuration'): ConfigText {
  const items: ConfigItem[] = [];
  const sections: ConfigSection[] = [];
  let at = text.startsWith('\ufeff') ? 1 : 0;
  const lineAt = (position: number): number => text.slice(0, position).split('\n').length;
  while (at < text.length) {
    const character = text[at] as string;
    if (/\s/.test(character)) {
      at += 1;
    } else if (character === '#' || character === ';') {
      at = endOfLine(text, at);
    } else if (character === '[') {
      const head = /^\[([A-Za-z0-9.-]+)(?:[ \t]+"((?:[^"\\\n]|\\[^\n])*)")?\]/.exec(text.slice(at, at + 4096));
      if (head === null) throw invalid(lineAt(at), file);
      const sub = head[2]?.replace(/\\(.)/g, '$1');
      const name = (head[1] as string).toLowerCase() + (sub === undefined ? '' : `.${sub}`);
      sections.push({ name, start: at, headEnd: at + head[0].length });
      at += head[0].length;
    } else {
      const section = sections.length - 1;
      const variable = /^[A-Za-z][A-Za-z0-9-]*/.exec(text.slice(at, at + 1024))?.[0];
      if (variable === undefined || section < 0) throw invalid(lineAt(at), file);
      const start = at;
      at += variable.length;
      while (text[at] === ' ' || text[at] === '\t') at += 1;
      let value = 'true';
      if (text[at] === '=') {
        const read = readValue(text, at + 1);
        if (read === undefined) throw invalid(lineAt(start), file);
        value = read.value;
        at = read.end;
      } else if (at < text.length && !/[\r\n#;]/.test(text[at] as string)) {
        throw invalid(lineAt(start), file);
      } else {
        at = endOfLine(text, at);
      }
      items.push({ name: `${(sections[section] as ConfigSection).name}.${variable.toLowerCase()}`, value, start, end: at, section });
    }
  }
  return { items, sections };
}

function endOfLine(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end;
}

function readValue(text: string, from: number): { value: string; end: number } | undefined {
  let value = '';
  let kept = 0; // length of the value without trailing unquoted white space
  let quoted = false;
  let at = from;
  for (; at < text.length; at += 1) {
    const character = text[at] as string;
    if (character === '\n' || (character === '\r' && text[at + 1] === '\n')) {
      if (quoted) return undefined;
      break;
    }
    if (!quoted && (character === '#' || character === ';')) {
      at = endOfLine(text, at);
      break;
    }
    if (!quoted && (character === ' ' || character === '\t')) {
      if (value !== '') value += character;
      continue;
    }
    if (character === '"') {
      quoted = !quoted;
    } else if (character === '\\') {
      at += 1;
      const escaped = text[at];
      if (escaped === '\r' && text[at + 1] === '\n') {
        at += 1;
      } else if (escaped === 'n') value += '\n';
      else if (escaped === 't') value += '\t';
      else if (escaped === 'b') value += '\b';
      else if (escaped === '"' || escaped === '\\') value += escaped;
      else if (escaped !== '\n') return undefined;
    } else {
      value += character;
    }
    kept = value.length;
  }
  if (quoted) return undefined;
  return { value: value.slice(0, kept), end: Math.min(at, text.length) };
}

/** All assignments of a configuration text in order, names normalised; also for .gitmodules and .datalad/config. */
export function parseConfigText(text: string): [string, string][] {
  return scanConfig(text).items.map(({ name, value }) => [name, value]);
}

/** Section and variable in lower case, subsection as it is. @throws CONFIG_INVALID for a name without both */
export function normalizeName(name: string): string {
  const first = name.indexOf('.');
  const last = name.lastIndexOf('.');
  const variable = name.slice(last + 1);
  if (first <= 0 || !/^[A-Za-z][A-Za-z0-9-]*$/.test(variable) || !/^[A-Za-z0-9-]+$/.test(name.slice(0, first))
    || name.slice(first, last).includes('\n')) {
    throw new DStoreError('CONFIG_INVALID', `${JSON.stringify(name)} is no name of a configuration variable`);
  }
  return name.slice(0, first).toLowerCase() + name.slice(first, last) + '.' + variable.toLowerCase();
}

function printValue(value: string): string {
  const escaped = value.replace(/[\\"\n\t\b]/g, (character) => ({ '\\': '\\\\', '"': '\\"', '\n': '\\n', '\t': '\\t', '\b': '\\b' })[character] ?? '');
  return /^\s|\s$|[;#\r]/.test(value) ? `"${escaped}"` : escaped;
}

function printHead(section: string): string {
  const dot = section.indexOf('.');
  if (dot < 0) return `[${section}]`;
  return `[${section.slice(0, dot)} "${section.slice(dot + 1).replace(/[\\"]/g, '\\$&')}"]`;
}

/** One change: set (every older value of the name goes), add one more value, or with `undefined` remove all. */
export interface ConfigEdit { readonly name: string; readonly value: string | undefined; readonly add?: boolean }

/** Applies edits to a configuration text, keeping comments and layout. */
export function editConfigText(text: string, edits: readonly ConfigEdit[], file = 'configuration'): string {
  let result = text;
  for (const edit of edits) result = applyEdit(result, edit, file);
  return result;
}

function applyEdit(text: string, edit: ConfigEdit, file: string): string {
  const name = normalizeName(edit.name);
  const section = name.slice(0, name.lastIndexOf('.'));
  const variable = edit.name.slice(edit.name.lastIndexOf('.') + 1);
  const scanned = scanConfig(text, file);
  const existing = edit.add === true ? [] : scanned.items.filter((item) => item.name === name);
  if (edit.value === undefined) return removeItems(text, existing, file);
  const assignment = `${variable} = ${printValue(edit.value)}`;
  const last = existing.at(-1);
  if (last !== undefined) {
    const replaced = `${text.slice(0, last.start)}${assignment}${text.slice(last.end)}`;
    return removeItems(replaced, existing.slice(0, -1), file);
  }
  const index = scanned.sections.findLastIndex((candidate) => candidate.name === section);
  if (index < 0) {
    const lead = text === '' || text.endsWith('\n') ? text : `${text}\n`;
    return `${lead}${printHead(section)}\n\t${assignment}\n`;
  }
  const lastOfSection = scanned.items.findLast((item) => item.section === index);
  const place = lastOfSection?.end ?? (scanned.sections[index] as ConfigSection).headEnd;
  return `${text.slice(0, place)}\n\t${assignment}${text.slice(place)}`;
}

function removeItems(text: string, items: readonly ConfigItem[], file: string): string {
  let result = text;
  for (const item of [...items].reverse()) {
    // A whole line goes when nothing else stands on it.
    const lineStart = result.lastIndexOf('\n', item.start - 1) + 1;
    const alone = result.slice(lineStart, item.start).trim() === '';
    const start = alone ? lineStart : item.start;
    let end = item.end;
    if (alone && result[end] === '\r') end += 1;
    if (alone && result[end] === '\n') end += 1;
    result = result.slice(0, start) + result.slice(end);
  }
  // As git does, a section goes with its last variable unless it holds comments.
  const scanned = scanConfig(result, file);
  for (const name of new Set(items.map((item) => item.name.slice(0, item.name.lastIndexOf('.'))))) {
    for (let index = scanned.sections.length - 1; index >= 0; index -= 1) {
      const section = scanned.sections[index] as ConfigSection;
      if (section.name !== name || scanned.items.some((item) => item.section === index)) continue;
      const end = scanned.sections[index + 1]?.start ?? result.length;
      if (result.slice(section.headEnd, end).trim() !== '') continue;
      result = result.slice(0, section.start) + result.slice(end);
    }
  }
  return result;
}

/**
 * Changes a configuration file under git's own lock (`PATH.lock`), keeping comments and layout; creates it when missing.
 * @throws LOCKED, CONFIG_INVALID
 */
export function editConfig(path: string, edits: readonly ConfigEdit[]): void {
  let target = path;
  let mode: number | undefined;
  try {
    // A symbolic link stays one: the file behind it is replaced.
    target = realpathSync(path);
    mode = statSync(target).mode & 0o777;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const lock = takeLockFile(target, { waitMilliseconds: 2000, ...(mode === undefined ? {} : { mode }) });
  try {
    let text = '';
    try {
      text = readFileSync(target, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    const edited = editConfigText(text, edits, target);
    if (edited === text) {
      lock.rollback();
      return;
    }
    lock.write(edited);
    lock.commit();
  } catch (error) {
    lock.rollback();
    throw error;
  }
}
