/** The program: from the words of the command line to an exit status. */
import { statSync } from 'node:fs';
import { DStoreError, EXIT, isDStoreError, toDStoreError } from '../core/errors.ts';
import type { DStoreEvent, ResultRecord } from '../core/records.ts';
import type { Run } from '../core/run.ts';
import { nowMilliseconds } from '../io/clock.ts';
import { actionOf, type Command, type Operation } from './command.ts';
import { findCommand } from './find-command.ts';
import type { GlobalValues } from './parse.ts';
import type { Failure, Renderer, RendererOptions } from './render/renderer.ts';
import { Terminal, type OutputStream } from './terminal.ts';
import { Totals } from './totals.ts';

/** Where signals come from: the process, or a test. */
export interface SignalSource {
  once(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
  removeListener(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
}

export interface MainOptions {
  readonly stdout?: OutputStream;
  readonly stderr?: OutputStream;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Folder the program was started in. */
  readonly cwd?: string;
  readonly signals?: SignalSource;
  /** Operations to run in place of the real ones, by command name. */
  readonly operations?: Readonly<Record<string, Operation<never>>>;
}

/** @returns the exit status; never throws for what a user or the system did wrong */
export async function main(words: readonly string[], options: MainOptions = {}): Promise<number> {
  const terminal = new Terminal(options.stdout ?? process.stdout, options.stderr ?? process.stderr, options.env ?? process.env);
  try {
    return await dispatch(words, terminal, options);
  } catch (error) {
    return await reportOutside(error, words, terminal);
  } finally {
    terminal.flush();
  }
}

async function dispatch(words: readonly string[], terminal: Terminal, options: MainOptions): Promise<number> {
  const [first] = words;
  if (first === '__complete') {
    const { completeWords } = await import('./complete.ts');
    terminal.out(completeWords(words.slice(1), workingDirectory(options), options.env ?? process.env));
    return EXIT.ok;
  }
  if (first === 'filter-process' || first === 'smudge') {
    const { runFilter } = await import('./filter-command.ts');
    return await runFilter(words, workingDirectory(options));
  }
  if (first === 'completion') return await completion(words.slice(1), terminal);
  if (first === '--version' || first === '-V' || first === 'version') {
    const { versionText } = await import('./version.ts');
    terminal.out(versionText());
    return EXIT.ok;
  }
  if (first === 'help') {
    const { helpFor } = await import('./help.ts');
    terminal.out(helpFor(words.slice(1), terminal));
    return EXIT.ok;
  }
  const beforeDashes = words.includes('--') ? words.slice(0, words.indexOf('--')) : words;
  const { command, prefix, rest } = findCommand(words);
  if (command === undefined || beforeDashes.includes('--help') || beforeDashes.includes('-h')) {
    const { helpFor } = await import('./help.ts');
    const asked = beforeDashes.includes('--help') || beforeDashes.includes('-h') || words.length === 0;
    const text = helpFor((command?.name ?? prefix ?? '').split(' ').filter((word) => word !== ''), terminal);
    if (asked) terminal.out(text);
    else terminal.err(text);
    return words.length === 0 || !asked ? EXIT.usage : EXIT.ok;
  }
  return await runCommand(command, rest, terminal, options);
}

async function completion(words: readonly string[], terminal: Terminal): Promise<number> {
  const { completionHelp, completionScript } = await import('./completion-scripts.ts');
  if (words.includes('--help') || words.includes('-h')) {
    terminal.out(completionHelp());
    return EXIT.ok;
  }
  terminal.out(completionScript(words));
  return EXIT.ok;
}

function workingDirectory(options: MainOptions): string {
  if (options.cwd !== undefined) return options.cwd;
  try {
    return process.cwd();
  } catch (cause) {
    throw new DStoreError('PATH_UNKNOWN', 'the current folder does not exist any more', { cause, hint: 'cd to a folder that exists' });
  }
}

async function runCommand(command: Command, words: readonly string[], terminal: Terminal, options: MainOptions): Promise<number> {
  const started = nowMilliseconds();
  const { parseWords } = await import('./parse.ts');
  const { global, input, display } = parseWords(command, words, workingDirectory(options));
  checkDirectory(global.cwd);
  const renderer = await openRenderer(command, global, display, terminal);
  const totals = new Totals();
  const aborter = new AbortController();
  const signals = options.signals ?? process;
  let interrupted = false;
  let nobodyReads = false;

  const onSignal = (): void => {
    interrupted = true;
    // With our listeners gone the next signal has its usual effect and ends the program at once.
    signals.removeListener('SIGINT', onSignal);
    signals.removeListener('SIGTERM', onSignal);
    renderer.stopping();
    aborter.abort();
  };
  signals.once('SIGINT', onSignal);
  signals.once('SIGTERM', onSignal);
  terminal.onClosed = () => {
    // Who asked for data and stopped reading wants no more of it; a change that was begun is worth finishing unseen.
    nobodyReads = true;
    if (command.showsRecords) aborter.abort();
  };

  const run: Run = {
    signal: aborter.signal,
    emit: (event: DStoreEvent) => renderer.event(event),
    report: (record: ResultRecord) => {
      totals.add(record);
      renderer.record(record);
    },
    ...(global.jobs === undefined ? {} : { jobs: global.jobs }),
  };
  let failure: Failure | undefined;
  try {
    const operation = (options.operations?.[command.name] as Operation<typeof input> | undefined) ?? await command.load();
    await operation(input, run);
  } catch (error) {
    failure = failureOf(error, command.name);
  } finally {
    signals.removeListener('SIGINT', onSignal);
    signals.removeListener('SIGTERM', onSignal);
  }

  if (failure?.error.code === 'ABORTED' && nobodyReads && !interrupted) return EXIT.ok;
  const aborted = interrupted || failure?.error.code === 'ABORTED';
  const exit = aborted ? EXIT.interrupted : failure?.error.exit ?? totals.exit;
  const shown = failure !== undefined && failure.error.code !== 'ABORTED' ? { failure } : {};
  renderer.finish({ totals, exit, milliseconds: nowMilliseconds() - started, interrupted: aborted, ...shown });
  return exit;
}

function checkDirectory(path: string): void {
  try {
    if (statSync(path).isDirectory()) return;
  } catch (error) {
    throw toDStoreErrorOf(error, path);
  }
  throw new DStoreError('USAGE', `${path} is not a folder`, { hint: '-C takes a folder to work in' });
}

function toDStoreErrorOf(error: unknown, path: string): DStoreError {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new DStoreError('USAGE', `there is no folder ${path}`, { hint: '-C takes a folder to work in' });
  return toDStoreError(error, `cannot enter ${path}`);
}

async function openRenderer(command: Command, global: GlobalValues, display: Readonly<Record<string, unknown>>, terminal: Terminal): Promise<Renderer> {
  const options: RendererOptions = {
    action: actionOf(command), quiet: global.quiet, verbose: global.verbose, showsRecords: command.showsRecords, display,
    progress: terminal.stderrIsTerminal && !global.quiet && !global.noProgress && !global.json,
  };
  if (global.json) {
    const { jsonRenderer } = await import('./render/json.ts');
    return jsonRenderer(terminal, { ...options, events: global.jsonProgress });
  }
  const { humanRenderer } = await import('./render/human.ts');
  return humanRenderer(terminal, options);
}

/** Foreseen errors as they are, those of the system with their code, anything else as a defect with its stack. */
function failureOf(error: unknown, doing: string): Failure {
  if (isDStoreError(error) && error.code !== 'INTERNAL') return { error };
  const system = error as { readonly code?: unknown; readonly name?: unknown; readonly stack?: unknown; readonly message?: unknown } | null | undefined;
  const systemCode = typeof system?.code === 'string' && /^E[A-Z0-9]+$/.test(system.code);
  if (!isDStoreError(error) && (systemCode || system?.name === 'AbortError')) return { error: toDStoreError(error, doing) };
  const message = typeof system?.message === 'string' ? system.message : String(error);
  return {
    error: new DStoreError('INTERNAL', `${doing}: ${message}`, { cause: error, hint: 'this is a defect of dstore, please report it with the lines below' }),
    stack: typeof system?.stack === 'string' ? system.stack : String(error),
  };
}

/** Errors before a command runs: wrong words, a folder that is not there. */
async function reportOutside(error: unknown, words: readonly string[], terminal: Terminal): Promise<number> {
  const failure = failureOf(error, 'dstore');
  const { exit } = failure.error;
  const beforeDashes = words.includes('--') ? words.slice(0, words.indexOf('--')) : words;
  if (beforeDashes.includes('--json') || beforeDashes.includes('--json-progress')) {
    const { jsonLine } = await import('./render/json.ts');
    terminal.out(jsonLine({ type: 'error', ...failure.error.toInfo() }));
    terminal.out(jsonLine({ type: 'summary', action: '', ok: 0, notneeded: 0, impossible: 0, error: 0, bytes: 0, milliseconds: 0, exit }));
  } else {
    const { messageText } = await import('./render/failures.ts');
    terminal.err(messageText('error', failure.error.message, failure.error.hint, terminal.paintErr));
  }
  if (failure.stack !== undefined) terminal.err(`${failure.stack}\n`);
  return exit;
}

