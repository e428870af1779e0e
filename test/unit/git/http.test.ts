import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { quietOp } from '../../../src/core/op.ts';
import { cloneRepository } from '../../../src/git/repository.ts';
import { BACKENDS, git, isolate, sample, useBackend, write } from './support.ts';

const place = isolate();
const op = quietOp();
let server: Server | undefined;

/** git's own http-backend behind a plain CGI server. @param password asked for when given */
async function serve(root: string, password?: string): Promise<string> {
  const exec = git(root, '--exec-path');
  server = createServer((request, response) => {
    const wanted = password === undefined ? undefined : `Basic ${Buffer.from(`user:${password}`).toString('base64')}`;
    if (wanted !== undefined && request.headers.authorization !== wanted) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
      return;
    }
    const url = new URL(request.url ?? '/', 'http://localhost');
    const child = spawn(join(exec, 'git-http-backend'), {
      env: {
        ...process.env, GIT_PROJECT_ROOT: root, GIT_HTTP_EXPORT_ALL: '1', PATH_INFO: decodeURIComponent(url.pathname), QUERY_STRING: url.search.slice(1),
        REQUEST_METHOD: request.method, CONTENT_TYPE: request.headers['content-type'] ?? '', REMOTE_USER: 'user',
        HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '', GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      },
    });
    request.pipe(child.stdin);
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.on('close', () => {
      const data = Buffer.concat(chunks);
      const split = data.indexOf('\r\n\r\n');
      const headers = data.toString('latin1', 0, split).split('\r\n').map((line) => line.split(/: (.*)/s).slice(0, 2));
      const status = headers.find(([name]) => name === 'Status')?.[1];
      response.writeHead(status === undefined ? 200 : Number.parseInt(status, 10), Object.fromEntries(headers.filter(([name]) => name !== 'Status' && name !== '') as [string, string][]));
      response.end(data.subarray(split + 4));
    });
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
  server = undefined;
});

describe.each(BACKENDS)('http with the %s backend', (backend) => {
  it('clones, fetches and pushes', async () => {
    const seed = sample(join(place.directory, 'seed'));
    git(place.directory, 'clone', '-q', '--bare', 'seed', 'origin.git');
    const origin = join(place.directory, 'origin.git');
    git(origin, 'config', 'http.receivepack', 'true');
    const url = `${await serve(place.directory)}/origin.git`;
    useBackend(backend);
    const top = join(place.directory, 'clone');
    const repo = await cloneRepository(url, top, { checkout: true, op });
    expect(git(top, 'status', '--porcelain', '--branch')).toBe('## main...origin/main');
    expect(git(top, 'fsck', '--strict')).not.toMatch(/error|missing/);
    expect((await repo.listRemoteRefs('origin', op)).get('HEAD')).toBe(git(origin, 'rev-parse', 'HEAD'));
    write(seed, 'more', 'x\n');
    git(seed, 'add', '.');
    git(seed, 'commit', '-qm', 'more');
    git(seed, 'push', '-q', origin, 'main');
    const before = readdirSync(join(top, '.git')).filter((name) => name !== 'FETCH_HEAD');
    await repo.fetch('origin', [], op);
    expect(repo.readRef('refs/remotes/origin/main')).toBe(git(seed, 'rev-parse', 'main'));
    expect(readdirSync(join(top, '.git')).filter((name) => name !== 'FETCH_HEAD')).toEqual(before);
    write(top, 'mine', 'x\n');
    git(top, 'add', '.');
    git(top, 'commit', '-qm', 'mine');
    expect((await repo.push('origin', ['main', 'main:refs/heads/git-annex'], op)).map(({ ref, status }) => `${ref} ${status}`).sort())
      .toEqual(['refs/heads/git-annex ok', 'refs/heads/main rejected']);
    expect(git(origin, 'rev-parse', 'git-annex')).toBe(git(top, 'rev-parse', 'main'));
    expect(git(origin, 'rev-parse', 'main')).toBe(git(seed, 'rev-parse', 'main'));
    await repo.close();
  });

  it('says when a server cannot be asked or wants a password', async () => {
    git(place.directory, 'clone', '-q', '--bare', sample(join(place.directory, 'seed')), 'origin.git');
    const url = await serve(place.directory, 'secret');
    process.env['GIT_TERMINAL_PROMPT'] = '0';
    useBackend(backend);
    try {
      await expect(cloneRepository(`${url}/origin.git`, join(place.directory, 'c'), { checkout: true, op })).rejects.toMatchObject({ code: 'PERMISSION' });
      const repo = await cloneRepository(url.replace('//', '//user:secret@') + '/origin.git', join(place.directory, 'd'), { checkout: false, op });
      expect(repo.head().branch).toBe('main');
      await repo.close();
      await expect(cloneRepository('http://127.0.0.1:1/x.git', join(place.directory, 'e'), { checkout: true, op })).rejects.toMatchObject({ code: 'REMOTE_UNAVAILABLE' });
    } finally {
      delete process.env['GIT_TERMINAL_PROMPT'];
    }
  });
});
