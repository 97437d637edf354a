/**
 * Settings of a server that serves one small monitor on a shared machine. They are given on the command line
 * at every start, so a new release's settings reach an old cluster; postgresql.conf stays as initdb made it.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  // Reached by this machine's Matrix only.
  listen_addresses: '',
  port: '5432', // only names the socket's file
  unix_socket_permissions: '0700',
  // Small, but enough for the board's queries to stay in memory.
  max_connections: '40',
  shared_buffers: '64MB',
  maintenance_work_mem: '32MB',
  effective_cache_size: '256MB',
  // A result is announced only after its commit: a commit must be on the disk.
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  wal_compression: 'on',
  max_wal_size: '256MB',
  // Fewer processes and no use of /dev/shm, which is 64 MB in a container by default.
  io_method: 'sync',
  max_worker_processes: '2',
  max_parallel_workers_per_gather: '0',
  max_logical_replication_workers: '0',
  max_wal_senders: '0',
  jit: 'off',
  // Errors, and the server's own coming and going.
  logging_collector: 'off',
  log_destination: 'stderr',
  log_min_messages: 'error',
  log_checkpoints: 'off',
  log_autovacuum_min_duration: '-1',
  log_line_prefix: '%m [%p] ',
  TimeZone: 'UTC',
  log_timezone: 'UTC',
};

/** Arguments of `postgres` for the cluster in `data` with its socket in `socketDir`. */
export function serverArguments(data: string, socketDir: string): string[] {
  // The setting is a list of names; the quotes keep commas and spaces of a path in one.
  const quoted = `"${socketDir.replaceAll('"', '""')}"`;
  const all = { ...SETTINGS, unix_socket_directories: quoted };
  return ['-D', data, ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
}
