export { createRandom, everySplit } from './chunks.ts';
export { createFakeClock, type FakeClock } from './fake-clock.ts';
export { createTemporaryFolder, type TemporaryFolder, type WaitOptions, waitUntil } from './scope.ts';
export { connectTcp, type TcpClient } from './tcp-client.ts';
