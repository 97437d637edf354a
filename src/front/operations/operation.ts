/** What an operation is. REST, MCP and the command line are views of these. */
import type { Static, TObject, TSchema } from 'typebox';
import type { Changes, RestartOutcome } from '../../../schema/messages.js';
import type { Status } from '../../../schema/wire.js';
import type { NodeState } from '../../contract/tree.js';
import type { Principal, Role } from '../auth.js';
import type { LimitRow } from '../limit-use.js';
import type { NewService, Store } from '../store.js';

/** Judges a target as if it stood in the config file. */
export type CheckTarget = (
  target: Omit<NewService, 'intervalMs'>,
) => Promise<{ readonly intervalMs: number }>;

/** What a handler may use. */
export interface OperationContext {
  readonly principal: Principal;
  readonly store: Store;
  /** The newest status, or null before the first cycle. */
  status(): Status | null;
  /** The newest status as JSON bytes that may be sent as they are, with their entity tag. */
  statusBytes(): { readonly bytes: Uint8Array; readonly etag: string };
  /** The process tree as main last reported it; null before the first report. */
  tree(): NodeState | null;
  /** How long ago that was, in ms; of no meaning before the first report. */
  treeAgeMs(): number;
  /** Every limit with its present use. */
  limits(): readonly LimitRow[];
  /**
   * Asks main to restart a node of the tree.
   * @throws MatrixError MX_SUPERVISOR_SILENT when main does not answer.
   */
  restartChild(id: string): Promise<RestartOutcome>;
  /** Takes a change in that this process committed itself. */
  announce(changes: Changes): void;
  /** Tells the collector to read the registered services again. */
  targetsChanged(): void;
  /** @throws MatrixError when the family does not exist or its target is not valid. */
  readonly checkTarget: CheckTarget;
}

/** A drawing of an output for the command line, as data: no colours and no widths. */
export interface View {
  /** Shown above the table. */
  readonly lines?: readonly string[];
  readonly columns?: readonly string[];
  readonly rows?: readonly (readonly string[])[];
  /** True when the answer itself is bad news: the command then exits 1. */
  readonly failed?: boolean;
}

export interface OperationSpec<I extends TObject, O extends TSchema> {
  /** snake_case; the name of the MCP tool. */
  readonly name: string;
  readonly title: string;
  /** One or two sentences: the tool's description and the command's help. */
  readonly summary: string;
  /** Least role that may call it. */
  readonly scope: Role;
  /** Whether it changes anything; such calls are written to the audit log. */
  readonly mutates: boolean;
  /** Whether it removes something. */
  readonly destructive?: boolean;
  readonly input: I;
  readonly output: O;
  readonly rest: {
    readonly method: 'GET' | 'POST' | 'DELETE';
    /** Below `/matrix/api`; `{field}` takes a field of the input from the path. */
    readonly path: string;
    /** On success; default 200. */
    readonly status?: number;
    /** Stand in for fields that the client leaves out, before the schema's own defaults. */
    readonly defaults?: Partial<Static<I>>;
  };
  /** null: not offered as a tool. */
  readonly mcp: null | {
    readonly defaults?: Partial<Static<I>>;
    /** Fields that the tool does not have. */
    readonly hide?: readonly string[];
  };
  readonly cli: {
    readonly command: string;
    /** Fields given by position, in order; the others are options. */
    readonly positionals?: readonly string[];
    view(output: Static<O>): View;
  };
  /** The answer in words where that says it better than JSON; undefined: JSON. */
  text?(output: Static<O>): string | undefined;
  /** The whole answer as ready JSON bytes, for the read that everybody makes. */
  ready?(context: OperationContext): { readonly bytes: Uint8Array; readonly etag: string };
  handler(input: Static<I>, context: OperationContext): Promise<Static<O>> | Static<O>;
}

/** An operation whose input and output types only its own file knows; everyone else goes by the schemas. */
export type Operation = Omit<OperationSpec<TObject, TSchema>, 'cli' | 'text' | 'handler'> & {
  readonly cli: Omit<OperationSpec<TObject, TSchema>['cli'], 'view'> & { view(output: unknown): View };
  text(output: unknown): string | undefined;
  handler(input: unknown, context: OperationContext): Promise<unknown>;
};

/** Closes over the types: after this, input is only ever what the validated schema says. */
export function operation<I extends TObject, O extends TSchema>(spec: OperationSpec<I, O>): Operation {
  return {
    ...spec,
    cli: { ...spec.cli, view: (output) => spec.cli.view(output as Static<O>) },
    text: (output) => spec.text?.(output as Static<O>),
    handler: async (input, context) => spec.handler(input as Static<I>, context),
  } as Operation;
}
