import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { inParallel, logIn, logOut, type ScramSecret } from './pgproxy-clients.ts';
import { cpuMicros, type Pooler, privateMemoryKb, users } from './pgproxy-poolers.ts';
import { pairedRatio, type Rig } from './pgproxy-rates.ts';
import { type Measurement, medianOf } from './results.ts';

const idleClients = 5000;
const loginWidth = 32;

/** Memory that `idleClients` logged-in clients add to a pooler, KB each. */
async function memoryPerClient(rig: Rig, pooler: Pooler): Promise<number> {
  const { database } = rig.postgres;
  const sockets: Socket[] = [];
  const before = await privateMemoryKb(pooler.pid);
  await inParallel(idleClients, loginWidth, async () => {
    sockets.push(await logIn({ port: pooler.port, user: users.load, database }));
  });
  // A pooler may tidy up once its clients are quiet.
  await delay(2000);
  const after = await privateMemoryKb(pooler.pid);
  await inParallel(idleClients, 256, (index) => {
    const socket = sockets[index];
    return socket === undefined ? Promise.resolve() : logOut(socket);
  });
  return (after - before) / idleClients;
}

/** Private memory per idle client. Once per pooler and run: freed memory would blur a second time. */
export async function measureMemory(rig: Rig): Promise<Measurement[]> {
  const own = await memoryPerClient(rig, rig.proxy);
  const peer = rig.peer === undefined ? undefined : await memoryPerClient(rig, rig.peer);
  return [
    {
      measure: `memory per idle client at ${idleClients} clients`,
      unit: 'KB',
      rounds: [own],
      ...(peer === undefined || rig.peer === undefined
        ? {}
        : { peer: { measure: rig.peer.name, rounds: [peer] } }),
    },
  ];
}

interface Logins {
  readonly perSecond: number;
  readonly cpuMicros: number;
}

async function loginRound(
  rig: Rig,
  pooler: Pooler,
  login: { readonly user: string; readonly secret?: ScramSecret },
): Promise<Logins> {
  const count = rig.isQuick ? 500 : 2000;
  const { database } = rig.postgres;
  const before = await cpuMicros(pooler.pid);
  const began = performance.now();
  await inParallel(count, loginWidth, async () => {
    await logOut(await logIn({ port: pooler.port, database, ...login }));
  });
  const seconds = (performance.now() - began) / 1000;
  return { perSecond: count / seconds, cpuMicros: ((await cpuMicros(pooler.pid)) - before) / count };
}

/** CPU of a new connection with SCRAM, to its first ReadyForQuery and goodbye. */
export async function measureLogins(rig: Rig, secret: ScramSecret): Promise<Measurement[]> {
  const kinds = [
    { title: 'SCRAM', login: { user: users.secure, secret } },
    { title: 'trust', login: { user: users.load } },
  ];
  const found: Measurement[] = [];
  for (const { title, login } of kinds) {
    const own: Logins[] = [];
    const peer: Logins[] = [];
    for (let round = 0; round < rig.rounds; round++) {
      own.push(await loginRound(rig, rig.proxy, login));
      if (rig.peer !== undefined) peer.push(await loginRound(rig, rig.peer, login));
    }
    const ownCpu = own.map((round) => round.cpuMicros);
    const peerCpu = peer.map((round) => round.cpuMicros);
    found.push({
      measure: `CPU of a new ${title} connection, ${loginWidth} at a time`,
      unit: 'µs',
      rounds: ownCpu,
      ...(rig.peer === undefined ? {} : { peer: { measure: rig.peer.name, rounds: peerCpu } }),
      notes: {
        perSecond: medianOf(own.map((round) => round.perSecond)),
        ...(rig.peer === undefined
          ? {}
          : {
              pairedRatio: pairedRatio(ownCpu, peerCpu),
              peerPerSecond: medianOf(peer.map((round) => round.perSecond)),
            }),
      },
    });
  }
  return found;
}
