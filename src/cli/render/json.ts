/** Records as lines of JSON: docs/reference/json.md. */
import type { DStoreEvent, ResultRecord } from '../../core/records.ts';
import { redactUrl } from '../../core/text.ts';
import { nowMilliseconds } from '../../io/clock.ts';
import type { Terminal } from '../terminal.ts';
import { warningText } from './failures.ts';
import type { Renderer, RendererOptions } from './renderer.ts';
import { stoppingLine } from './summary.ts';

const PROGRESS_INTERVAL_MILLISECONDS = 100;
/** These must name things exactly, whatever they look like. */
const EXACT = new Set(['path', 'key', 'dataset']);

/** One line; passwords in URLs are hidden wherever they come from. */
export function jsonLine(value: unknown): string {
  const line = JSON.stringify(value);
  if (!line.includes('://')) return `${line}\n`;
  return `${JSON.stringify(value, (name, each: unknown) => (typeof each === 'string' && !EXACT.has(name) && each.includes('://') ? redactUrl(each) : each))}\n`;
}

export function jsonRenderer(terminal: Terminal, options: RendererOptions & { readonly events: boolean }): Renderer {
  let lastProgress = 0;
  let held: DStoreEvent | undefined;
  return {
    record(record: ResultRecord): void {
      terminal.out(jsonLine(record));
    },
    event(event: DStoreEvent): void {
      if (!options.events) {
        if (event.type === 'warning' && !options.quiet) terminal.err(warningText(event, terminal.paintErr));
        return;
      }
      if (event.type === 'progress') {
        const now = nowMilliseconds();
        held = event;
        if (now - lastProgress < PROGRESS_INTERVAL_MILLISECONDS) return;
        lastProgress = now;
      }
      held = undefined;
      terminal.out(jsonLine(event));
    },
    stopping(): void {
      if (!options.quiet) terminal.err(stoppingLine(undefined));
    },
    finish({ totals, exit, milliseconds, failure, interrupted }): void {
      if (held !== undefined) terminal.out(jsonLine(held));
      if (failure !== undefined) terminal.out(jsonLine({ type: 'error', ...failure.error.toInfo() }));
      if (failure?.stack !== undefined) terminal.err(`${failure.stack}\n`);
      const { ok, notneeded, impossible, error, bytes } = totals;
      terminal.out(jsonLine({
        type: 'summary', action: options.action, ok, notneeded, impossible, error, bytes, milliseconds, exit,
        ...(totals.dryRun ? { dryRun: true } : {}), ...(interrupted ? { interrupted: true } : {}),
      }));
    },
  };
}
