/** The lines and tables of commands whose records are the data that was asked for. */
import type { JsonObject, JsonValue, ResultRecord } from '../../core/records.ts';
import { formatSize } from '../../core/size.ts';
import { quotePath } from '../../core/text.ts';
import type { Paint, Style } from '../terminal.ts';
import { shown, shownInLine } from './shown.ts';
import { count } from './summary.ts';
import { facts, label, padEnd, table, valueText, type Column } from './table.ts';

export interface LineOptions {
  readonly paint: Paint;
  readonly verbose: boolean;
  /** `find -0`. */
  readonly null: boolean;
}

/** Text for one record, printed at once. */
export type LineWriter = (record: ResultRecord, options: LineOptions) => string;
/** Text for all records together, printed at the end. */
export type TableWriter = (records: readonly ResultRecord[], options: LineOptions) => string;

const STATES: Readonly<Record<string, Style>> = {
  added: 'green', modified: 'yellow', deleted: 'red', untracked: 'cyan', renamed: 'green', conflict: 'red', typechange: 'yellow',
};

function text(details: JsonObject | undefined, name: string): string | undefined {
  const value = details?.[name];
  return typeof value === 'string' ? shownInLine(value) : undefined;
}

function objects(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter((each): each is JsonObject => typeof each === 'object' && each !== null && !Array.isArray(each)) : [];
}

function find(record: ResultRecord, { null: nul }: LineOptions): string {
  const path = record.path ?? record.key ?? '';
  // Programs that read NUL-separated names expect them byte for byte.
  return nul ? `${path}\0` : `${quotePath(path)}\n`;
}

function status(record: ResultRecord, { paint }: LineOptions): string {
  const state = text(record.details, 'state') ?? record.status;
  const staged = record.details?.['staged'] === true ? paint('dim', ' (staged)') : '';
  const from = text(record.details, 'from');
  const kind = record.kind === 'dataset' ? paint('dim', ' (dataset)') : '';
  return `${paint(STATES[state] ?? 'bold', padEnd(state, 10))} ${from === undefined ? '' : `${quotePath(from)} → `}${quotePath(record.path ?? '')}${kind}${staged}\n`;
}

function copyName(copy: JsonObject): string {
  const trust = text(copy, 'trust');
  const name = copy['here'] === true ? 'here' : text(copy, 'remote') ?? text(copy, 'description') ?? text(copy, 'uuid') ?? 'unknown place';
  return trust === undefined || trust === 'semitrusted' ? name : `${name} (${trust})`;
}

function whereis(record: ResultRecord, { paint, verbose }: LineOptions): string {
  const copies = objects(record.details?.['copies']);
  const path = quotePath(record.path ?? record.key ?? '');
  if (copies.length === 0 && record.message !== undefined) return `${path}: ${shownInLine(record.message)}\n`;
  if (!verbose) return `${path}: ${copies.length === 0 ? paint('red', 'no known copy') : copies.map(copyName).join(', ')}\n`;
  const lines = copies.map((copy) => `  ${padEnd(text(copy, 'uuid') ?? '', 36)}  ${copyName(copy)}${copy['here'] === true || copy['remote'] !== undefined ? paint('dim', `  ${text(copy, 'description') ?? ''}`) : ''}`.trimEnd());
  return `${path} ${paint('dim', `(${count(copies.length)} ${copies.length === 1 ? 'copy' : 'copies'})`)}\n${lines.map((line) => `${line}\n`).join('')}`;
}

function log(record: ResultRecord, { paint }: LineOptions): string {
  const commit = text(record.details, 'commit') ?? '';
  const date = (text(record.details, 'date') ?? '').replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d).*$/, '$1 $2');
  return [paint('yellow', commit.slice(0, 10)), date, paint('cyan', text(record.details, 'author') ?? ''), text(record.details, 'subject') ?? shownInLine(record.message ?? '')].join('  ').trimEnd() + '\n';
}

function showFacts(record: ResultRecord, { paint }: LineOptions): string {
  const title = record.path ?? record.remote ?? record.dataset;
  const heading = title === undefined ? '' : `${paint('bold', quotePath(title))}\n`;
  const message = record.message === undefined ? '' : `${shown(record.message)}\n`;
  const own: JsonObject = { ...(record.key === undefined ? {} : { key: record.key }), ...(record.bytes === undefined ? {} : { size: record.bytes }) };
  return heading + message + facts({ ...own, ...record.details }, paint, heading === '' ? '' : '  ');
}

function remoteTable(records: readonly ResultRecord[], { paint, verbose }: LineOptions): string {
  const columns: Column[] = [
    { title: 'name' }, { title: 'type' }, { title: 'where' }, { title: 'cost', right: true }, { title: 'trust' }, { title: 'files', right: true },
    { title: 'bytes', right: true }, { title: 'uuid' }, { title: 'note' },
  ];
  return table(columns, records.map((record) => {
    const details = record.details ?? {};
    const keys = details['keys'];
    const bytes = details['bytes'] ?? record.bytes;
    const contentIn = text(details, 'contentIn');
    const note = text(details, 'unusable') ?? (contentIn === undefined ? '' : `content in ${contentIn}`);
    return [
      shownInLine(record.remote ?? ''), text(details, 'type') ?? '', text(details, 'where') ?? '', String(details['cost'] ?? ''), text(details, 'trust') ?? '',
      typeof keys === 'number' ? count(keys) : '', typeof bytes === 'number' ? formatSize(bytes) : '', verbose ? text(details, 'uuid') ?? '' : '', note,
    ];
  }), paint);
}

/** Names of stores, then every detail in the order in which it appears. Where in the store a dataset lies is for --verbose. */
function storeTable(records: readonly ResultRecord[], { paint, verbose }: LineOptions): string {
  const names: string[] = [];
  for (const record of records) {
    for (const [name, value] of Object.entries(record.details ?? {})) if (value !== undefined && !names.includes(name)) names.push(name);
  }
  const first = records.some((record) => record.kind === 'store') ? [{ title: 'name' }] : verbose ? [{ title: 'directory' }] : [];
  const columns: Column[] = [...first, ...names.map((name) => ({ title: label(name), right: records.every((record) => ['number', 'undefined'].includes(typeof record.details?.[name])) }))];
  return table(columns, records.map((record) => [
    ...first.map(() => quotePath(record.path ?? '')),
    ...names.map((name) => {
      const value = record.details?.[name];
      return value === undefined || value === null || (Array.isArray(value) && value.length === 0) ? '' : valueText(name, value);
    }),
  ]), paint);
}

export const LINES: Readonly<Record<string, LineWriter>> = { find, status, whereis, log, info: showFacts, 'store.info': showFacts };
export const TABLES: Readonly<Record<string, TableWriter>> = { 'remote.list': remoteTable, 'store.list': storeTable };

/** What to say, on stderr, when there was nothing to show. */
export const NOTHING: Readonly<Record<string, string>> = {
  status: 'nothing to save: everything is as it was saved',
  'remote.list': 'this clone knows no other place; publish it with: dstore push --to STORE',
  'store.list': 'nothing here yet; publish a dataset with: dstore push --to STORE',
  log: 'nothing was saved yet',
};
