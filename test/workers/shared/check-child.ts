/**
 * `node check-child.js <family> <fields as JSON> [deadline ms]`: one check in a process of its own, which prints
 * the finding and exits.
 */
import { checkOnce, probeContext } from '../../support/probing.js';

const [family = '', fields = '{}', deadlineMs] = process.argv.slice(2);
const { spec } = await import(`../../../workers/${family}/spec.js`);
const { probe } = await import(`../../../workers/${family}/probe.js`);
const context = probeContext(deadlineMs === undefined ? undefined : Number(deadlineMs));
process.stdout.write(JSON.stringify(await checkOnce({ spec, probe }, JSON.parse(fields), context)));
