import { mcpBench } from './shared/mcp.js';

/** The newest revision, in which every request stands for itself. */
export const bench = mcpBench('mcp-stateless', '2026-07-28');
