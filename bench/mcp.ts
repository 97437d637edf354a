import { mcpBench } from './shared/mcp.js';

/** What clients of today send. */
export const bench = mcpBench('mcp', '2025-11-25');
