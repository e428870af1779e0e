/** Text for people: data and summaries on stdout, everything else on stderr. */
import type { DStoreEvent, ResultRecord } from '../../core/records.ts';
import { formatSize } from '../../core/size.ts';
import { quotePath } from '../../core/text.ts';
import { nowMilliseconds } from '../../io/clock.ts';
import type { Terminal } from '../terminal.ts';
import { FailureGroups, labelOf, messageText, subjectOf, warningText } from './failures.ts';
import { LINES, NOTHING, TABLES, type LineOptions } from './lines.ts';
import { Progress } from './progress.ts';
import type { Renderer, RendererOptions } from './renderer.ts';
import { shown, shownInLine } from './shown.ts';
import { count, interruptedLine, stoppingLine, summaryLine, verbOf } from './summary.ts';

/** A dry run lists this many files without --verbose. */
const DRY_RUN_LINES = 20;

export function humanRenderer(terminal: Terminal, options: RendererOptions): Renderer {
  const { action, quiet, verbose } = options;
  const failures = new FailureGroups(terminal.paintErr, verbose);
  const progress = options.progress ? new Progress(terminal, action, nowMilliseconds) : undefined;
  const lineOptions: LineOptions = { paint: terminal.paintOut, verbose, null: options.display['null'] === true };
  const line = LINES[action];
  const tabulate = TABLES[action];
  const rows: ResultRecord[] = [];
  let planned: number | undefined;
  let shown = 0;
  let lastNotNeeded: string | undefined;
  let wouldChange = 0;
  let phase: string | undefined;
  const warned = new Set<string>();

  /** Records of commands that change something: files only with --verbose, anything else in a line of its own. */
  function outcome(record: ResultRecord): void {
    const isFile = record.kind === 'file' || (record.kind === undefined && record.path !== undefined);
    if (isFile && !verbose) {
      if (record.dryRun !== true || record.status !== 'ok') return;
      wouldChange++;
      if (wouldChange > DRY_RUN_LINES) return;
    }
    if (record.status === 'notneeded' && !verbose) {
      if (record.message !== undefined) lastNotNeeded = shown(record.message);
      return;
    }
    if (quiet) return;
    shown++;
    terminal.out(`${outcomeText(record)}\n`);
  }

  return {
    record(record: ResultRecord): void {
      if (record.status === 'error' || record.status === 'impossible') {
        const message = failures.add(record);
        if (message !== '') terminal.err(message);
      } else if (!options.showsRecords) {
        outcome(record);
      } else if (tabulate !== undefined) {
        rows.push(record);
      } else {
        shown++;
        terminal.out(line === undefined ? `${outcomeText(record)}\n` : line(record, lineOptions));
      }
    },
    event(event: DStoreEvent): void {
      if (event.type === 'plan') planned = event.files;
      if (event.type === 'phase') phase = event.name;
      if (event.type === 'warning') {
        const message = warningText(event, terminal.paintErr);
        if (!quiet && !warned.has(message)) terminal.err(message);
        warned.add(message);
      } else {
        progress?.event(event);
      }
    },
    stopping(): void {
      terminal.err(stoppingLine(phase));
    },
    finish({ totals, milliseconds, failure, interrupted }): void {
      progress?.stop();
      if (tabulate !== undefined && rows.length > 0) terminal.out(tabulate(rows, lineOptions));
      if (wouldChange > DRY_RUN_LINES && !quiet) terminal.out(`and ${count(wouldChange - DRY_RUN_LINES)} more; -v shows them all\n`);
      const rest = failures.rest();
      if (rest !== '') terminal.err(rest);
      if (interrupted) {
        terminal.err(`${terminal.paintErr('yellow', interruptedLine(totals, planned))}\n`);
        return;
      }
      if (!quiet && !options.showsRecords && (failure === undefined || totals.files.ok > 0)) {
        const summary = summaryLine(action, totals, milliseconds) ?? (shown === 0 ? lastNotNeeded ?? `nothing to ${verbOf(action).plain}` : undefined);
        if (summary !== undefined) terminal.out(`${summary}\n`);
      }
      const nothing = NOTHING[action];
      if (!quiet && failure === undefined && nothing !== undefined && options.showsRecords && shown + rows.length + totals.failed === 0) terminal.err(`${nothing}\n`);
      if (failure !== undefined) {
        const { error, stack } = failure;
        terminal.err(messageText(labelOf(error.toInfo(), 'error'), `${error.message}${verbose ? ` [DSTORE_E_${error.code}]` : ''}`, error.hint, terminal.paintErr));
        if (stack !== undefined) terminal.err(`${shown(stack)}\n`);
      }
    },
  };
}

/** `got data/a.bin, 10 kB, from store` */
function outcomeText(record: ResultRecord): string {
  const verb = verbOf(record.action);
  const subject = subjectOf(record) ?? (record.dataset === undefined ? undefined : quotePath(record.dataset));
  if (record.message !== undefined) {
    const message = shown(record.message);
    return subject === undefined || message.includes(subject) ? message : `${subject}: ${message}`;
  }
  const commit = record.details?.['commit'];
  const kind = record.kind === undefined || record.kind === 'file' ? '' : `${record.kind} `;
  const name = record.kind === 'commit' && typeof commit === 'string' ? shownInLine(commit.slice(0, 10)) : subject ?? '';
  const facts = [
    ...(record.bytes === undefined ? [] : [formatSize(record.bytes)]),
    ...(record.remote === undefined || record.path === undefined ? [] : [`${record.action === 'get' ? 'from' : 'on'} ${shownInLine(record.remote)}`]),
  ];
  const what = [`${kind}${name}`.trim(), ...facts].join(', ');
  if (record.status === 'notneeded') return `${what}: ${verb.already}`;
  return record.dryRun === true ? `would ${verb.plain} ${what}` : `${verb.past} ${what}`;
}
