import { type AddressInfo, createServer } from 'node:net';

/** TCP ports that are free now, all different. Whoever uses one must be prepared to lose the race for it. */
export async function findFreePorts(host: string, count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((done, fail) => {
        server.once('error', fail);
        server.listen({ host, port: 0 }, done);
      });
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}
