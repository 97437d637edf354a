/** Without these a first start would watch nothing, or a hundred mounts that say nothing about the disks. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { discover, diskPaths } from '../../src/config/discover.js';
import { optionsFor, tempDir } from './fixture.js';

const MOUNTS = `sysfs /sys sysfs rw 0 0
tmpfs /run tmpfs rw 0 0
/dev/sda2 / ext4 rw 0 0
/dev/sda2 /var/lib/docker/bind ext4 rw 0 0
/dev/sda1 /boot/efi vfat rw 0 0
/dev/loop3 /snap/core squashfs ro 0 0
/dev/sr0 /media/cd iso9660 ro 0 0
overlay /var/lib/docker/overlay2/x/merged overlay rw 0 0
tank/home /home zfs rw 0 0
/dev/mapper/vg-data /srv/my\\040data xfs rw 0 0
/dev/sdb1 /etc/hosts ext4 rw 0 0
nas:/export /mnt/nas nfs4 rw 0 0
`;

test('the disks are the real filesystems, each once, and always the root', () => {
  const isDirectory = (path: string) => path !== '/etc/hosts';
  assert.deepEqual(diskPaths(MOUNTS, isDirectory), ['/', '/boot/efi', '/home', '/srv/my data']);
  assert.deepEqual(diskPaths('overlay / overlay rw 0 0\n', isDirectory), ['/'], 'in a container');
  assert.deepEqual(diskPaths('', isDirectory), ['/'], 'without /proc');
});

const noEnvironment = { values: [], wan: {}, jwtSecret: null, problems: [], warnings: [] };
const families = ['docker', 'http'];

test('the engine is found by its socket, and a DOCKER_HOST that is none is told', async (t) => {
  const dir = await tempDir(t);
  const socket = join(dir, 'docker.sock');
  const server = createServer().listen(socket);
  await new Promise((resolve) => server.once('listening', resolve));
  t.after(() => new Promise((resolve) => server.close(resolve)));
  const front = { host: '0.0.0.0', port: 3910 };
  const find = (dockerHost: string) =>
    discover({ env: { DOCKER_HOST: dockerHost }, envConfig: noEnvironment, front, families });
  const found = await find(`unix://${socket}`);
  assert.deepEqual(found.suggestions, [
    { family: 'docker', raw: { name: 'docker', socket } },
    { family: 'http', raw: { name: 'matrix', url: 'http://127.0.0.1:3910/health/ready' } },
  ]);
  assert.match((await find('tcp://192.0.2.1:2375')).warnings.join(), /DOCKER_HOST is no unix socket/);
  const absent = await find(`unix://${join(dir, 'none')}`);
  assert.deepEqual(
    absent.suggestions.map(({ family }) => family),
    ['http'],
  );
});

test('Matrix watches itself where it listens', async (t) => {
  const { env } = optionsFor(await tempDir(t));
  const urlFor = async (host: string, port: number) => {
    const found = await discover({ env, envConfig: noEnvironment, front: { host, port }, families });
    return found.suggestions.find(({ family }) => family === 'http')?.raw['url'];
  };
  assert.equal(await urlFor('::1', 80), 'http://[::1]:80/health/ready');
  assert.equal(await urlFor('::', 80), 'http://127.0.0.1:80/health/ready');
  assert.equal(await urlFor('192.0.2.7', 80), 'http://192.0.2.7:80/health/ready');
  assert.equal(await urlFor('127.0.0.1', 0), undefined);
});
