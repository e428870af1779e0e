/** Columns and aligned facts. Widths count what a terminal shows, roughly: one cell per code point, two for wide ones. */
import type { JsonObject, JsonValue } from '../../core/records.ts';
import { formatSize } from '../../core/size.ts';
import type { Paint } from '../terminal.ts';
import { shownInLine } from './shown.ts';
import { count } from './summary.ts';

const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const ZERO_WIDTH = /\p{Mark}|\u200b|\u200d/u;

export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += ZERO_WIDTH.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return width;
}

export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - displayWidth(text)));
}

function padStart(text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - displayWidth(text))) + text;
}

export interface Column {
  readonly title: string;
  readonly right?: boolean;
}

/** Rows below a heading; columns that are empty everywhere are left out. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[], paint: Paint): string {
  const used = columns.map((column, index) => ({ ...column, index })).filter(({ index }) => rows.some((row) => (row[index] ?? '') !== ''));
  const widths = used.map(({ title, index }) => Math.max(displayWidth(title), ...rows.map((row) => displayWidth(row[index] ?? ''))));
  const line = (cell: (index: number, title: string) => string): string => used.map(({ title, index, right }, at) => {
    const text = cell(index, title);
    const width = widths[at] ?? 0;
    return right === true ? padStart(text, width) : padEnd(text, width);
  }).join('  ').trimEnd();
  return [paint('bold', line((_, title) => title)), ...rows.map((row) => line((index) => row[index] ?? ''))].map((text) => `${text}\n`).join('');
}

/** `annexedFiles` → `annexed files`. */
export function label(name: string): string {
  return shownInLine(name).replace(/([a-z0-9])([A-Z])/g, (_, before: string, letter: string) => `${before} ${letter.toLowerCase()}`).replaceAll(/[_-]/g, ' ');
}

export function valueText(name: string, value: JsonValue): string {
  if (value === null) return 'none';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'number') return /[bB]ytes$|^bytes[A-Z]|^size$|Size$/.test(name) ? formatSize(value) : Number.isInteger(value) ? count(value) : String(value);
  if (typeof value === 'string') return shownInLine(value);
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map((each: JsonValue) => valueText(name, each)).join(', ');
  return Object.entries(value).map(([key, each]) => `${label(key)} ${valueText(key, each ?? null)}`).join(', ');
}

/** Names and values in two columns, nested ones indented. */
export function facts(details: JsonObject, paint: Paint, indent = ''): string {
  const entries = Object.entries(details).filter((entry): entry is [string, JsonValue] => entry[1] !== undefined);
  const simple = entries.filter(([, value]) => !isNested(value));
  const width = Math.max(0, ...simple.map(([name]) => displayWidth(label(name)))) + 2;
  return entries.map(([name, value]) => {
    if (!isNested(value)) return `${indent}${paint('dim', padEnd(`${label(name)}:`, width))}${valueText(name, value)}\n`;
    const heading = `${indent}${paint('dim', `${label(name)}:`)}\n`;
    if (!Array.isArray(value)) return heading + facts(value as JsonObject, paint, `${indent}  `);
    return heading + value.map((each: JsonValue) => `${indent}  ${valueText(name, each)}\n`).join('');
  }).join('');
}

function isNested(value: JsonValue): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Array.isArray(value) ? value.some((each) => typeof each === 'object' && each !== null) : Object.keys(value).length > 0;
}
