// Runs a program and says how long it took and how much memory its largest process needed.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, openSync, closeSync, readFileSync, writeFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const TIME = '/usr/bin/time';
const withTime = existsSync(TIME);

/** An environment in which no configuration of the caller takes part. */
export function benchEnvironment(home) {
  mkdirSync(home, { recursive: true });
  const env = {};
  for (const name of ['PATH', 'LANG', 'TMPDIR']) if (process.env[name] !== undefined) env[name] = process.env[name];
  Object.assign(env, {
    HOME: home,
    XDG_CONFIG_HOME: join(home, '.config'),
    XDG_CACHE_HOME: join(home, '.cache'),
    GIT_CONFIG_NOSYSTEM: '1',
    LC_ALL: 'C.UTF-8',
    DATALAD_UI_PROGRESSBAR: 'none',
  });
  writeFileSync(
    join(home, '.gitconfig'),
    '[user]\n\tname = Bench Mark\n\temail = bench@example.org\n[init]\n\tdefaultBranch = main\n[protocol "file"]\n\tallow = always\n[gc]\n\tauto = 0\n',
  );
  return env;
}

/**
 * Runs one command line after another and adds up their time.
 * @returns seconds of wall clock; peakMebibytes of the largest single process
 */
export function measure(commands, { cwd, env, log }) {
  spawnSync('sync');
  let seconds = 0;
  let peakMebibytes = 0;
  for (const [program, ...args] of commands) {
    const report = join(env.HOME, 'time.txt');
    rmSync(report, { force: true });
    const output = openSync(log, 'a');
    const start = process.hrtime.bigint();
    const result = withTime
      ? spawnSync(TIME, ['-o', report, '-f', '%M', program, ...args], { cwd, env, stdio: ['ignore', output, output] })
      : spawnSync(program, args, { cwd, env, stdio: ['ignore', output, output] });
    seconds += Number(process.hrtime.bigint() - start) / 1e9;
    closeSync(output);
    if (result.error) throw result.error;
    if (result.status !== 0) throw new Error(`${program} ${args.join(' ')} (in ${cwd}) ended with ${result.status}; its output is in ${log}`);
    if (withTime) peakMebibytes = Math.max(peakMebibytes, Number(readFileSync(report, 'utf8').trim()) / 1024);
  }
  return { seconds, ...(withTime ? { peakMebibytes: Math.round(peakMebibytes) } : {}) };
}

/** First line of what a program prints, or undefined when it is not installed. */
export function firstLine(program, args, env = process.env) {
  const result = spawnSync(program, args, { encoding: 'utf8', env });
  return result.error || result.status !== 0 ? undefined : result.stdout.split('\n')[0].trim();
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
