// Rules about the sources themselves: what the documents say about them is true.
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, readFileSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ERROR_CODES } from '../src/core/errors.ts';
import { PROJECT } from './support/project.ts';

const read = (path: string): string => readFileSync(join(PROJECT, path), 'utf8');

function filesBelow(folder: string, pattern: RegExp): string[] {
  return readdirSync(join(PROJECT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && pattern.test(entry.name))
    .map((entry) => relative(PROJECT, join(entry.parentPath, entry.name)))
    .sort();
}

/** Code without comments; strings stay. */
function withoutComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:'"`\\])\/\/.*$/gm, '$1');
}

const sources = filesBelow('src', /\.ts$/).map((path) => ({ path, code: withoutComments(read(path)) }));

/** `io` for src/io/a.ts; the file's name for files directly in src. */
function folderOf(path: string): string {
  const parts = path.split('/');
  return parts.length > 2 ? (parts[1] ?? '') : basename(path);
}

function importsOf(code: string): string[] {
  const patterns = [/\b(?:import|export)\s[^;'"]*?\bfrom\s*['"]([^'"]+)['"]/g, /\bimport\s*['"]([^'"]+)['"]/g, /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g];
  return patterns.flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1] ?? ''));
}

interface ModuleRow {
  readonly mayImport: ReadonlySet<string>;
  readonly thirdParty: ReadonlySet<string>;
}

/** Cells of a Markdown table row. */
function cells(line: string): string[] {
  return line.replace(/^\s*\|/, '').replace(/\|\s*$/, '').split('|').map((cell) => cell.trim());
}

/** The module table of ARCHITECTURE.md: folder → what it may import. One row may stand for several folders. */
function moduleTable(): Map<string, ModuleRow> {
  const lines = read('ARCHITECTURE.md').split('\n');
  const start = lines.findIndex((line) => /^\|?\s*folder\s*\|\s*may import\s*\|\s*third-party/i.test(line));
  if (start < 0) throw new Error('ARCHITECTURE.md has no table with the columns folder | may import | third-party');
  const table = new Map<string, ModuleRow>();
  for (const line of lines.slice(start + 2)) {
    if (!line.includes('|')) break;
    const [folders = '', mayImport = '', thirdParty = ''] = cells(line);
    const names = (cell: string): string[] => cell.match(/@?[a-z][\w./:@-]*/gi) ?? [];
    for (const folder of names(folders)) table.set(folder, { mayImport: new Set(names(mayImport)), thirdParty: new Set(names(thirdParty)) });
  }
  return table;
}

describe('module table of ARCHITECTURE.md', () => {
  it('names every folder of src and no other', () => {
    const folders = readdirSync(join(PROJECT, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => entry.name);
    expect([...moduleTable().keys()].filter((name) => !name.endsWith('.ts')).sort()).toEqual(folders.sort());
  });

  it('holds for every import', () => {
    const table = moduleTable();
    const wrong: string[] = [];
    for (const { path, code } of sources) {
      const folder = folderOf(path);
      const row = table.get(folder);
      // Files directly in src re-export the public interface and may reach everything unless the table says otherwise.
      if (row === undefined) continue;
      for (const specifier of importsOf(code)) {
        if (specifier.startsWith('.')) {
          const target = folderOf(relative(PROJECT, join(PROJECT, dirname(path), specifier)));
          if (target !== folder && !row.mayImport.has(target)) wrong.push(`${path} imports ${specifier}: ${folder} may not import ${target}`);
        } else if (specifier.startsWith('node:')) {
          if (folder === 'core' && specifier !== 'node:crypto') wrong.push(`${path} imports ${specifier}: core has no effects`);
        } else {
          const name = specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
          if (!row.thirdParty.has(name)) wrong.push(`${path} imports ${name}, which the table does not give to ${folder}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe('sources', () => {
  const uses = (pattern: RegExp, exempt: (path: string) => boolean): string[] =>
    sources.filter(({ path, code }) => !exempt(path) && pattern.test(code)).map(({ path }) => path);

  it('print nothing outside src/cli', () => {
    expect(uses(/\bconsole\.|\bprocess\.(stdout|stderr)\.write\b/, (path) => path.startsWith('src/cli/'))).toEqual([]);
  });

  it('never end the process', () => {
    expect(uses(/\bprocess\.exit\s*\(/, () => false)).toEqual([]);
  });

  it('ask for time and chance only in src/io', () => {
    expect(uses(/\bDate\.now\b|\bMath\.random\b|\bnew Date\(\s*\)/, (path) => path.startsWith('src/io/'))).toEqual([]);
  });

  it('leave no test that runs alone', () => {
    const alone = filesBelow('test', /\.ts$/).filter((path) => /\b(?:it|test|describe)\.only\b/.test(withoutComments(read(path))));
    expect(alone).toEqual([]);
  });
});

describe('documents', () => {
  it('list every error code with its exit status, and no other', () => {
    const documented = new Map<string, number>();
    for (const line of read('docs/reference/errors.md').split('\n')) {
      const row = /^\|\s*`(?:DSTORE_E_)?([A-Z][A-Z_]+)`\s*\|\s*(\d+)\s*\|/.exec(line);
      if (row !== null) documented.set(row[1] ?? '', Number(row[2]));
    }
    const actual = Object.fromEntries(Object.entries(ERROR_CODES).map(([code, [exit]]) => [code, exit]));
    expect(Object.fromEntries(documented)).toEqual(actual);
  });

  it('back every clause of the store layout with a vector, a store or a test that exists', () => {
    const lines = read('store-layout/SPEC.md').split('\n');
    const clauses: { number: string; text: string }[] = [];
    for (const line of lines) {
      const start = /^(?:#{2,5}\s+|-\s+)?\*{0,2}(\d+(?:\.\d+)+)\.?\*{0,2}[\s:]/.exec(line);
      if (start !== null) clauses.push({ number: start[1] ?? '', text: line });
      else if (/^#{1,2}\s/.test(line)) clauses.push({ number: '', text: '' });
      else {
        const last = clauses.at(-1);
        if (last !== undefined) last.text += `\n${line}`;
      }
    }
    const wrong: string[] = [];
    for (const { number, text } of clauses.filter((clause) => clause.number !== '')) {
      const references = [...text.matchAll(/`?\b((?:vectors|golden|broken|template|schema|test)\/[\w./-]+)`?/g)].map((match) => (match[1] ?? '').replace(/\.$/, ''));
      // A dash in the place of the proof marks definitions and advice.
      if (references.length === 0 && !/–\s*$/.test(text.trimEnd())) wrong.push(`clause ${number} names no vector or test`);
      for (const reference of references) {
        const path = reference.startsWith('test/') ? reference : `store-layout/${reference}`;
        if (!existsSync(join(PROJECT, path))) wrong.push(`clause ${number} names ${reference}, which does not exist`);
      }
    }
    expect(clauses.length, 'clauses found').toBeGreaterThan(0);
    expect(wrong).toEqual([]);
  });

  it('name no path of the machine they were written on', () => {
    const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: PROJECT, encoding: 'utf8' }).split('\0').filter((path) => path !== '' && lstatSync(join(PROJECT, path), { throwIfNoEntry: false })?.isFile());
    const places = [PROJECT, homedir(), '/work', '/root'].filter((place) => place.length > 1);
    const pattern = new RegExp(`(?<![\\w.~*-])(?:${[...new Set(places)].map((place) => place.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')})/`);
    const wrong = tracked.filter((path) => {
      if (path === 'test/tidy.test.ts') return false;
      const content = readFileSync(join(PROJECT, path));
      return !content.includes(0) && pattern.test(content.toString());
    });
    expect(wrong).toEqual([]);
  });
});
