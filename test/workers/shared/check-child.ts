/** `node check-child.js <family> <fields as JSON>`: one check in a process of its own; prints the finding. */
import { checkOnce } from '../../support/probing.js';

const [family = '', fields = '{}'] = process.argv.slice(2);
const { spec } = await import(`../../../workers/${family}/spec.js`);
const { probe } = await import(`../../../workers/${family}/probe.js`);
process.stdout.write(JSON.stringify(await checkOnce({ spec, probe }, JSON.parse(fields))));
