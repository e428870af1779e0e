/** The line at the end: what was done, how much, how fast, and what was not. */
import { formatSize } from '../../core/size.ts';
import type { Totals } from '../totals.ts';
import { shownInLine } from './shown.ts';

interface Verb {
  /** `dstore get` has `got` 3 files. */
  readonly past: string;
  /** It would `get` them. */
  readonly plain: string;
  /** Others were `already here`. */
  readonly already: string;
}

const VERBS: Readonly<Record<string, Verb>> = {
  create: { past: 'created', plain: 'create', already: 'there already' },
  clone: { past: 'cloned', plain: 'clone', already: 'there already' },
  save: { past: 'saved', plain: 'save', already: 'unchanged' },
  update: { past: 'updated', plain: 'update', already: 'up to date' },
  lock: { past: 'locked', plain: 'lock', already: 'locked already' },
  unlock: { past: 'unlocked', plain: 'unlock', already: 'unlocked already' },
  get: { past: 'got', plain: 'get', already: 'already here' },
  drop: { past: 'dropped', plain: 'drop', already: 'not here' },
  push: { past: 'pushed', plain: 'push', already: 'already there' },
  fsck: { past: 'checked', plain: 'check', already: 'not here' },
  'store.init': { past: 'created', plain: 'create', already: 'there already' },
  'store.add-dataset': { past: 'prepared', plain: 'prepare', already: 'there already' },
};

export function verbOf(action: string): Verb {
  return VERBS[action] ?? { past: `${action}:`, plain: action, already: 'nothing to do' };
}

/** 1234567 → `1,234,567`. */
export function count(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `1 file`, `1,000 files`. */
export function files(value: number): string {
  return `${count(value)} ${value === 1 ? 'file' : 'files'}`;
}

/** `0.04 s`, `3.2 s`, `42 s`, `3 min 5 s`, `2 h 10 min`. */
export function duration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 0.095) return `${Math.max(seconds, 0.01).toFixed(2)} s`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** `got 1,000 files, 10 MB in 0.4 s (2,500 files/s), 3 already here`; undefined when there is nothing to sum up. */
export function summaryLine(action: string, totals: Totals, milliseconds: number): string | undefined {
  const verb = verbOf(action);
  const { ok, notneeded, impossible, error } = totals.files;
  const others = totals.ok + totals.notneeded + totals.failed - ok - notneeded - impossible - error;
  const parts: string[] = [];
  if (ok > 0) {
    const amount = totals.bytes > 0 ? `${files(ok)}, ${formatSize(totals.bytes)}` : files(ok);
    const rate = ok >= 10 && milliseconds > 0 ? ` (${count(Math.round((ok * 1000) / milliseconds))} files/s)` : '';
    parts.push(totals.dryRun ? `would ${verb.plain} ${amount}` : `${verb.past} ${amount} in ${duration(milliseconds)}${rate}`);
  } else if (others > 0 && notneeded + impossible + error === 0) {
    return undefined;
  } else if (impossible + error > 0) {
    parts.push(totals.dryRun ? `would ${verb.plain} no file` : `${verb.past} no file`);
  } else {
    return notneeded === 0 ? `nothing to ${verb.plain}` : `nothing to ${verb.plain}: ${files(notneeded)} ${verb.already}`;
  }
  if (notneeded > 0) parts.push(`${count(notneeded)} ${verb.already}`);
  if (impossible > 0) parts.push(`${count(impossible)} refused or not possible`);
  if (error > 0) parts.push(`${count(error)} failed`);
  return parts.join(', ');
}

/** Said when a signal arrives. @param phase what the operation is doing just now */
export function stoppingLine(phase: string | undefined): string {
  const doing = phase === undefined ? '' : ` (${shownInLine(phase)})`;
  return `\nstopping: what is under way${doing} is being finished, so that nothing is left half done; press Ctrl-C again to stop at once\n`;
}

/** `interrupted: 412 of 1,000 files done; run the same command again to continue` */
export function interruptedLine(totals: Totals, planned: number | undefined): string {
  const done = totals.files.ok;
  const all = Math.max(planned ?? 0, done);
  const what = all > 0 ? `${count(done)} of ${files(all)} done` : 'nothing was left half done';
  return `interrupted: ${what}; run the same command again to continue`;
}
