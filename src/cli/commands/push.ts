import type { PushInput } from '../../core/inputs.ts';
import { defineCommand, type Command } from '../command.ts';
import { dryRun, recursive, shared } from '../options.ts';

export const push: Command = defineCommand<PushInput>({
  name: 'push',
  group: 'Content',
  summary: 'publish content and history',
  description: ['The first push names the place, and later ones remember it. Content arrives before the history that refers to it.'],
  fields: {
    to: { as: 'option', value: 'text', placeholder: 'STORE', complete: 'store', summary: 'a store (path, URL or short name) or a git remote; default: where it was published last' },
    alias: { as: 'option', value: 'text', placeholder: 'NAME', complete: 'none', summary: 'name of the dataset in the store' },
    shared,
    recursive,
    dryRun,
  },
  examples: [
    { command: 'dstore push --to /data/store --alias study', means: 'publish for the first time' },
    { command: 'dstore push', means: 'to the same place again' },
    { command: 'dstore push -n', means: 'what would be sent' },
  ],
  errors: ['NOT_A_STORE', 'ALIAS_TAKEN', 'PUSH_REJECTED', 'REMOTE_UNKNOWN', 'REMOTE_UNAVAILABLE', 'REMOTE_READONLY', 'STORE_VERSION', 'ADJUSTED_BRANCH', 'NO_SPACE'],
  showsRecords: false,
  load: async () => (await import('../../ops/push.ts')).push,
});
