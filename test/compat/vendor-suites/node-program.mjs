// Runs mocha files of a checkout and prints one JSON line for each case. Log clients build
// `{project}.{region}.log.aliyuncs.com` at port 80; here those connections go to SAMPAN_PORT of this machine.
// Usage: node node-program.mjs CHECKOUT FILE…
import { createRequire } from 'node:module';
import net from 'node:net';
import { join } from 'node:path';

const [checkout = '', ...files] = process.argv.slice(2);
const port = Number(process.env.SAMPAN_PORT);

const connect = net.createConnection;
net.createConnection = (...words) => {
  const [options, ...rest] = words;
  const isCloud = typeof options === 'object' && /\.log\.aliyuncs\.com$/.test(String(options.host));
  return isCloud
    ? connect.call(net, { ...options, host: '127.0.0.1', port, servername: undefined }, ...rest)
    : connect.apply(net, words);
};

const require = createRequire(join(checkout, 'package.json'));
const http = require('node:http');
http.Agent.prototype.createConnection = net.createConnection;

const Mocha = require('mocha');
const mocha = new Mocha({ timeout: 60_000, reporter: class {} });
for (const file of files) mocha.addFile(join(checkout, file));

const startedAt = new Map();
const print = (test, outcome, detail = '') => {
  const name = test.fullTitle();
  const line = {
    case: name,
    outcome,
    startedAt: startedAt.get(name) ?? Date.now(),
    endedAt: Date.now(),
    detail,
  };
  process.stdout.write(`${JSON.stringify(line)}\n`);
};
const runner = mocha.run(() => process.exit(0));
runner.on('test', (test) => startedAt.set(test.fullTitle(), Date.now()));
runner.on('pass', (test) => print(test, 'passed'));
runner.on('pending', (test) => print(test, 'skipped', 'pending'));
runner.on('fail', (test, error) => print(test, 'failed', String(error.stack ?? error)));
