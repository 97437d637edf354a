/**
 * `node starved-child.js <case>`: checks under conditions that only a process or network namespace of its own
 * can have; prints the findings. Started by `starved.test.ts`.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { createConnection } from 'node:net';
import { probe as disk } from '../../../workers/disk/probe.js';
import { spec as diskSpec } from '../../../workers/disk/spec.js';
import { probe as http } from '../../../workers/http/probe.js';
import { spec as httpSpec } from '../../../workers/http/spec.js';
import { checkOnce, probeContext } from '../../support/probing.js';
import { httpServer, tcpServer } from '../../support/servers.js';

const checkHttp = (url: string, deadlineMs?: number) =>
  checkOnce({ spec: httpSpec, probe: http }, { url }, probeContext(deadlineMs));
const checkDisk = (path: string) => checkOnce({ spec: diskSpec, probe: disk }, { path, warn_percent: 100 });

/** Takes every file descriptor that the process may have, then checks a server that is fine and a disk. */
async function noFiles(): Promise<object> {
  const server = await httpServer((_request, response) => response.end());
  const taken: number[] = [];
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'));
  } catch {
    // EMFILE: none is left.
  }
  const starved = { http: await checkHttp(server.origin), disk: await checkDisk('/') };
  for (const each of taken) closeSync(each);
  return { ...starved, httpAfter: await checkHttp(server.origin), diskAfter: await checkDisk('/') };
}

/** The namespace has four ephemeral ports; all are taken. */
async function noPorts(): Promise<object> {
  const server = await httpServer((_request, response) => response.end(), '127.0.0.1', 4000);
  const held = Array.from({ length: 4 }, () => createConnection(server.port, '127.0.0.1'));
  await Promise.all(held.map((socket) => once(socket, 'connect')));
  const starved = await checkHttp(server.origin);
  for (const socket of held) socket.destroy();
  return { http: starved };
}

/** The namespace has 6,000 ephemeral ports and reuses none of them for a minute; 8,000 checks go to one port. */
async function manyChecks(): Promise<object> {
  const answer = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n';
  // A server that leaves closing to its client, so that the client's port would be the one to wait.
  const server = await tcpServer((socket) => socket.once('data', () => socket.write(answer)));
  let left = 8000;
  let finding = await checkHttp(server.origin);
  const work = async () => {
    while (left > 0 && finding.verdict === 'pass') {
      left -= 1;
      finding = await checkHttp(server.origin);
    }
  };
  await Promise.all(Array.from({ length: 50 }, work));
  return { http: finding };
}

/** There is no interface besides loopback. */
async function noRoute(): Promise<object> {
  return { http: await checkHttp('http://192.0.2.1/') };
}

/** A name server that answers every question with `rcode`, or never (null); counts the questions. */
async function nameServer(rcode: number | null): Promise<{ questions: () => number }> {
  let questions = 0;
  const server = createSocket('udp4');
  server.on('message', (question, from) => {
    questions += 1;
    if (rcode === null) return;
    const answer = Buffer.from(question);
    answer.writeUInt16BE(0x8180 | rcode, 2);
    server.send(answer, from.port, from.address);
  });
  server.bind(53, '127.0.0.1');
  await once(server, 'listening');
  return { questions: () => questions };
}

async function dns(rcode: number | null): Promise<object> {
  const { questions } = await nameServer(rcode);
  const checks = Array.from({ length: 20 }, () => checkHttp('https://app.example.org/', 400));
  const findings = await Promise.all(checks);
  return { http: findings[0], codes: [...new Set(findings.map(({ code }) => code))], questions: questions() };
}

const CASES: Readonly<Record<string, () => Promise<object>>> = {
  files: noFiles,
  ports: noPorts,
  many: manyChecks,
  route: noRoute,
  nxdomain: () => dns(3),
  servfail: () => dns(2),
  silent: () => dns(null),
};

const run = CASES[process.argv[2] ?? ''];
if (run === undefined) throw new Error('no such case');
process.stdout.write(JSON.stringify(await run()), () => process.exit(0));
