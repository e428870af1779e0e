/** One line on the terminal for a whole command: files, bytes, rate, time left. */
import type { DStoreEvent } from '../../core/records.ts';
import { formatSize } from '../../core/size.ts';
import type { Terminal } from '../terminal.ts';
import { shownInLine } from './shown.ts';
import { count, duration, verbOf } from './summary.ts';

const QUIET_MILLISECONDS = 500;
const REDRAW_MILLISECONDS = 100;
const RATE_WINDOW_MILLISECONDS = 5000;
/** A file costs about as much as this many bytes, so that many small files and few large ones give one estimate. */
const BYTES_PER_FILE = 20_000;
const BAR_CELLS = 20;

interface Sample {
  readonly at: number;
  readonly files: number;
  readonly bytes: number;
}

export class Progress {
  private readonly terminal: Pick<Terminal, 'setStatus' | 'columns' | 'paintErr'>;
  private readonly action: string;
  private readonly now: () => number;
  private readonly started: number;
  private readonly timer: NodeJS.Timeout;
  private planFiles = 0;
  private planBytes = 0;
  private files = 0;
  private bytes = 0;
  private phase: string | undefined;
  private waiting: string | undefined;
  private samples: Sample[] = [];
  private drawnAt = 0;

  constructor(terminal: Pick<Terminal, 'setStatus' | 'columns' | 'paintErr'>, action: string, now: () => number) {
    this.terminal = terminal;
    this.action = action;
    this.now = now;
    this.started = now();
    this.timer = setInterval(() => this.draw(), REDRAW_MILLISECONDS);
    // The display must not keep a finished program alive.
    this.timer.unref();
  }

  event(event: DStoreEvent): void {
    if (event.type === 'waiting') {
      this.waiting = event.what;
    } else {
      this.waiting = undefined;
      if (event.type === 'plan') {
        this.planFiles = event.files;
        this.planBytes = event.bytes;
        this.phase = undefined;
      } else if (event.type === 'progress') {
        if (event.files < this.files || event.bytes < this.bytes) this.samples = [];
        this.files = event.files;
        this.bytes = event.bytes;
      } else if (event.type === 'phase') {
        this.phase = event.name;
      }
    }
    // Bulk work may hold the thread for a while, so that the timer alone would leave the display standing.
    this.draw();
  }

  /** Files the last plan had in all. */
  get planned(): number | undefined {
    return this.planFiles === 0 ? undefined : this.planFiles;
  }

  stop(): void {
    clearInterval(this.timer);
    this.terminal.setStatus('');
  }

  private draw(): void {
    const at = this.now();
    if (at - this.started < QUIET_MILLISECONDS || at - this.drawnAt < REDRAW_MILLISECONDS) return;
    this.drawnAt = at;
    this.samples.push({ at, files: this.files, bytes: this.bytes });
    while (this.samples.length > 2 && at - (this.samples[0]?.at ?? at) > RATE_WINDOW_MILLISECONDS) this.samples.shift();
    this.terminal.setStatus(this.line(at));
  }

  private line(at: number): string {
    const room = Math.max(20, this.terminal.columns - 1);
    const head = verbOf(this.action).plain;
    if (this.waiting !== undefined) return cut([head, `waiting for ${shownInLine(this.waiting)}`, duration(at - this.started)], room);
    if (this.planFiles === 0 && this.planBytes === 0) return cut([head, shownInLine(this.phase ?? 'working'), duration(at - this.started)], room);
    const work = this.bytes + this.files * BYTES_PER_FILE;
    const allWork = Math.max(work, this.planBytes + this.planFiles * BYTES_PER_FILE);
    const fraction = allWork === 0 ? 0 : work / allWork;
    const first = this.samples[0];
    const elapsed = first === undefined ? 0 : at - first.at;
    const parts = [head, `${count(this.files)}/${count(this.planFiles)} files`];
    if (this.planBytes > 0) parts.push(`${formatSize(this.bytes)}/${formatSize(this.planBytes)}`);
    parts.push(`${Math.floor(fraction * 100)} %`);
    if (first !== undefined && elapsed >= REDRAW_MILLISECONDS) {
      const perSecond = 1000 / elapsed;
      if (this.planBytes > 0) parts.push(`${formatSize(Math.round((this.bytes - first.bytes) * perSecond))}/s`);
      parts.push(`${count(Math.round((this.files - first.files) * perSecond))} files/s`);
      const speed = (work - first.bytes - first.files * BYTES_PER_FILE) / elapsed;
      if (speed > 0 && fraction < 1) parts.push(`${duration((allWork - work) / speed)} left`);
    }
    if (this.phase !== undefined) parts.push(shownInLine(this.phase));
    const full = Math.floor(fraction * BAR_CELLS);
    const bar = `${'█'.repeat(full)}${'░'.repeat(BAR_CELLS - full)}`;
    const text = cut(parts, room);
    return text.length + BAR_CELLS + 2 <= room ? `${this.terminal.paintErr('cyan', bar)}  ${text}` : text;
  }
}

/** As many parts as there is room for. */
function cut(parts: readonly string[], room: number): string {
  let line = '';
  for (const part of parts) {
    const next = line === '' ? part : `${line}  ${part}`;
    if (next.length > room) return line === '' ? part.slice(0, room) : line;
    line = next;
  }
  return line;
}
