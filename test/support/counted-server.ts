/** A local HTTP target that remembers when it was asked and what it answered. */
import { once } from 'node:events';
import { createServer } from 'node:http';

export interface CountedServer {
  readonly port: number;
  /** One entry a request: when it came (epoch ms), its path, what it got. */
  readonly asked: { at: number; path: string; status: number }[];
  /** Status it answers from now on. */
  answer: number;
  close(): Promise<void>;
}

export async function countedServer(): Promise<CountedServer> {
  const asked: CountedServer['asked'] = [];
  const server = createServer((request, response) => {
    asked.push({ at: Date.now(), path: request.url ?? '', status: counted.answer });
    response.writeHead(counted.answer).end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const counted: CountedServer = {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    asked,
    answer: 200,
    close: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
  return counted;
}
