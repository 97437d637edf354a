import Value from 'typebox/value';
import { systemClock } from '../../src/contract/clock.js';
import type { FamilySpec, Probe, ProbeContext, TargetCommon } from '../../src/contract/family.js';
import type { Finding } from '../../src/contract/result.js';

/** A deadline that no passing test reaches, however loaded the machine. */
const AMPLE_MS = 30_000;

/** The context of one real check. With `deadlineMs` the signal aborts then, as the family's thread does it. */
export function probeContext(deadlineMs: number = AMPLE_MS, signal?: AbortSignal): ProbeContext {
  const log = { debug() {}, info() {}, warn() {} };
  return { signal: signal ?? abortingAfter(deadlineMs), deadlineMs, clock: systemClock, log };
}

function abortingAfter(deadlineMs: number): AbortSignal {
  const abort = new AbortController();
  setTimeout(() => abort.abort(new Error('deadline')), deadlineMs).unref();
  return abort.signal;
}

/** A target as the config layer hands it over: checked against the schema, the family's defaults applied. */
export function targetOf<T extends TargetCommon>(spec: FamilySpec<T>, fields: Partial<T>): T {
  const target = Value.Default(spec.schema, { ...fields, name: 'under test' });
  Value.Assert(spec.schema, target);
  return target as unknown as T;
}

/** Runs one check that has exactly one finding, and holds its code to the family's closed list. */
export async function checkOnce<T extends TargetCommon>(
  family: { readonly spec: FamilySpec<T>; readonly probe: Probe<T> },
  fields: Partial<T>,
  context: ProbeContext = probeContext(),
): Promise<Finding> {
  const findings = await family.probe(targetOf(family.spec, fields), context);
  const [finding] = findings;
  if (finding === undefined || findings.length !== 1)
    throw new Error(`${findings.length} findings, expected 1`);
  if (finding.code !== undefined && !(finding.code in family.spec.codes)) {
    throw new Error(`code ${finding.code} is not in the list of ${family.spec.name}`);
  }
  return finding;
}
