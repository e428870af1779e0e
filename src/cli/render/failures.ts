/** Failures, refusals and warnings as text. Thousands of one kind take ten lines, a count, and their hint once. */
import { ERROR_CODES, EXIT, type ErrorCode } from '../../core/errors.ts';
import type { DStoreEvent, ResultRecord } from '../../core/records.ts';
import { quotePath } from '../../core/text.ts';
import type { Paint } from '../terminal.ts';
import { shown, shownInLine } from './shown.ts';
import { count } from './summary.ts';

const SHOWN_IN_FULL = 10;
const MAX_GROUPS = 200;

/** `error: …` with further lines indented, then the hint. */
export function messageText(label: 'error' | 'refused' | 'warning', message: string, hint: string | undefined, paint: Paint): string {
  const style = label === 'warning' ? 'yellow' : 'red';
  const hintText = hint === undefined ? '' : `  ${paint('cyan', 'hint:')} ${indented(hint)}\n`;
  return `${paint(style, `${label}:`)} ${indented(message)}\n${hintText}`;
}

function indented(text: string): string {
  return text.split('\n').map((line, index) => (index === 0 ? shown(line) : `    ${shown(line.trimStart())}`)).join('\n');
}

export function warningText(event: DStoreEvent & { readonly type: 'warning' }, paint: Paint): string {
  return messageText('warning', event.message, event.hint, paint);
}

/** Refusals protect data; everything else that went wrong is an error. */
export function labelOf(info: { readonly code: string } | undefined, status: ResultRecord['status']): 'error' | 'refused' {
  const code = info?.code.replace(/^DSTORE_E_/, '');
  if (code !== undefined && Object.hasOwn(ERROR_CODES, code)) return ERROR_CODES[code as ErrorCode][0] === EXIT.refused ? 'refused' : 'error';
  return status === 'impossible' ? 'refused' : 'error';
}

/** What the record is about, for a line of text. */
export function subjectOf(record: ResultRecord): string | undefined {
  return record.path === undefined ? record.remote && shownInLine(record.remote) : quotePath(record.path);
}

interface Group {
  readonly message: string;
  count: number;
}

export class FailureGroups {
  private readonly groups = new Map<string, Group>();
  private readonly paint: Paint;
  private readonly verbose: boolean;

  constructor(paint: Paint, verbose: boolean) {
    this.paint = paint;
    this.verbose = verbose;
  }

  /** Text to print now; empty when enough of this kind were printed. */
  add(record: ResultRecord): string {
    const message = record.error?.message ?? record.message ?? 'failed without saying why';
    const hint = record.error?.hint;
    let identity = `${record.status} ${record.error?.code} ${shapeOf(message, record)}`;
    if (!this.groups.has(identity) && this.groups.size >= MAX_GROUPS) identity = `${record.status} ${record.error?.code}`;
    const group = this.groups.get(identity) ?? { message: shapeOf(message, record), count: 0 };
    this.groups.set(identity, group);
    group.count++;
    if (!this.verbose && group.count > SHOWN_IN_FULL) return '';
    const subject = subjectOf(record);
    const named = subject === undefined || mentions(message, record.path ?? subject) ? message : `${subject}: ${message}`;
    const code = this.verbose && record.error !== undefined ? ` [${record.error.code}]` : '';
    return messageText(labelOf(record.error, record.status), named + code, group.count === 1 ? hint : undefined, this.paint);
  }

  /** How many more there were of each kind. */
  rest(): string {
    if (this.verbose) return '';
    const large = [...this.groups.values()].filter((group) => group.count > SHOWN_IN_FULL);
    return large.map((group) => {
      const which = this.groups.size === 1 ? '' : `: ${shown(group.message.split('\n')[0] ?? '')}`;
      return `${this.paint('red', `and ${count(group.count - SHOWN_IN_FULL)} more like this`)}${which}\n`;
    }).join('');
  }
}

const WORD_CHARACTER = /[\p{L}\p{N}_]/u;

/** Where a name stands by itself from `start` on, or -1: `a` is not in `at once`. */
function indexOfName(text: string, name: string, start: number): number {
  for (let at = text.indexOf(name, start); at !== -1; at = text.indexOf(name, at + 1)) {
    if (!WORD_CHARACTER.test(text.charAt(at - 1)) && !WORD_CHARACTER.test(text.charAt(at + name.length))) return at;
  }
  return -1;
}

export function mentions(message: string, name: string): boolean {
  return name !== '' && indexOfName(message, name, 0) !== -1;
}

function withoutName(text: string, name: string): string {
  let rest = '';
  let start = 0;
  for (let at = indexOfName(text, name, 0); at !== -1; at = indexOfName(text, name, start)) {
    rest += `${text.slice(start, at)}…`;
    start = at + name.length;
  }
  return rest + text.slice(start);
}

/** The message without what differs from file to file. */
function shapeOf(message: string, record: ResultRecord): string {
  let shape = message;
  for (const varying of [record.path, record.key, record.path?.split('/').at(-1)]) {
    if (varying !== undefined && varying !== '') shape = withoutName(shape, varying);
  }
  return shape.replace(/"[^"\n]*"|'[^'\n]*'/g, '…').replace(/\b[0-9a-f]{16,}\b/g, '…').replace(/\d+/g, 'N');
}
