/** Text for people: data and summaries on stdout, everything else on stderr. */
import type { DStoreEvent, ResultRecord } from '../../core/records.ts';
import { formatSize } from '../../core/size.ts';
import { quotePath } from '../../core/text.ts';
import { nowMilliseconds } from '../../io/clock.ts';
import type { Terminal } from '../terminal.ts';
import { FailureGroups, labelOf, mentions, messageText, subjectOf, warningText } from './failures.ts';
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
  let printed = 0;
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
    printed++;
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
        printed++;
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
        const summary = summaryLine(action, totals, milliseconds) ?? (printed === 0 ? lastNotNeeded ?? `nothing to ${verbOf(action).plain}` : undefined);
        if (summary !== undefined) terminal.out(`${summary}\n`);
      }
      const nothing = NOTHING[action];
      if (!quiet && failure === undefined && nothing !== undefined && options.showsRecords && printed + rows.length + totals.failed === 0) terminal.err(`${nothing}\n`);
      if (failure !== undefined) {
        const { error, stack } = failure;
        terminal.err(messageText(labelOf(error.toInfo(), 'error'), `${error.message}${verbose ? ` [DSTORE_E_${error.code}]` : ''}`, error.hint, terminal.paintErr));
        if (stack !== undefined) terminal.err(`${shown(stack)}\n`);
      }
    },
  };
}

/** `got data/a.bin, 10 kB, from store`, `saved as commit 0123456789`, `data/b.bin: already here` */
function outcomeText(record: ResultRecord): string {
  const verb = verbOf(record.action);
  const { details, dryRun, kind, path, remote, status } = record;
  const message = record.message === undefined ? undefined : shown(record.message);
  // The dataset one stands in needs no name.
  const subject = path === '.' ? undefined : subjectOf(record) ?? (record.dataset === undefined ? undefined : quotePath(record.dataset));
  if (status === 'notneeded' || (dryRun === true && message?.startsWith('would ') === true)) {
    const said = message ?? verb.already;
    return subject === undefined || mentions(said, subject) ? said : `${subject}: ${said}`;
  }
  const commit = details?.['commit'];
  const what = [
    ...(kind === undefined || kind === 'file' || kind === 'commit' || subject === undefined ? [] : [kind]),
    ...(subject === undefined || kind === 'commit' ? [] : [subject]),
    ...(typeof commit === 'string' ? [`${record.action === 'update' ? 'to' : 'as'} commit ${shownInLine(commit.slice(0, 10))}`] : []),
  ].join(' ');
  const facts = [
    ...(record.bytes === undefined ? [] : [formatSize(record.bytes)]),
    ...(remote === undefined || path === undefined ? [] : [`${record.action === 'get' ? 'from' : 'on'} ${shownInLine(remote)}`]),
  ];
  const head = [`${dryRun === true ? `would ${verb.plain}` : verb.past} ${what}`.trim(), ...facts].join(', ');
  return message === undefined ? head : `${head}: ${message}`;
}
