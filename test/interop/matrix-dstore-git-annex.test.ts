import { createSandbox } from '../support/sandbox.ts';
import { describeWith } from '../support/tools.ts';
import { dstore, gitAnnex } from './actors.ts';
import { walk } from './walk.ts';

const sandbox = createSandbox();
const maker = dstore(sandbox);
const worker = gitAnnex(sandbox);

describeWith([...maker.tools, ...worker.tools, 'git-annex', 'datalad'], `made by ${maker.name}, used by ${worker.name}`, () => walk(sandbox, maker, worker));
