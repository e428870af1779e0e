import type { SaveInput } from '../../core/inputs.ts';
import { defineCommand, type Command } from '../command.ts';
import { dryRun, paths, recursive } from '../options.ts';

export const save: Command = defineCommand<SaveInput>({
  name: 'save',
  group: 'Work',
  summary: 'record changes: add, hash, annex and commit',
  description: ['What goes to git and what to the annex follows .gitattributes (annex.largefiles); without any, every file is annexed.'],
  fields: {
    paths: paths('what to save; everything in the dataset when there is none'),
    message: { as: 'option', value: 'text', short: 'm', placeholder: 'MESSAGE', complete: 'none', summary: 'what changed, for the log' },
    updated: { as: 'option', value: 'flag', short: 'u', summary: 'only files that are tracked already' },
    toGit: { as: 'option', value: 'flag', summary: 'everything goes to git, nothing to the annex' },
    recursive,
    dryRun,
  },
  examples: [
    { command: 'dstore save -m "add sub-03"', means: 'everything that is new or changed, in one commit' },
    { command: 'dstore save -m "fix typo" README.md', means: 'just this file' },
    { command: 'dstore save -n', means: 'what would be saved, and how many bytes' },
  ],
  errors: ['NOT_A_DATASET', 'PATH_UNKNOWN', 'CONTENT_CHANGED', 'CONFIG_INVALID', 'NO_SPACE', 'LOCKED'],
  showsRecords: false,
  load: async () => (await import('../../ops/save.ts')).save,
});
