// Loaded into Node programs by `sampan exec` through NODE_OPTIONS. Log clients put the project in front of the
// endpoint (`dify.localhost`), and most systems do not resolve such names. SAMPAN_HOSTS lists endpoint hosts with
// their address, `localhost=127.0.0.1,127.0.54.32=127.0.54.32`: every name below one of them gets its address.
// CommonJS and `--require`, because a Node before 18.18 refuses to start with `--import`.
'use strict';

const dns = require('node:dns');
const { syncBuiltinESMExports } = require('node:module');
const { promisify } = require('node:util');

const hosts = (process.env.SAMPAN_HOSTS ?? '')
  .split(',')
  .map((entry) => entry.split('='))
  .filter(([host, address]) => host && address);

/** Our own answer to a lookup, or undefined when the name, or the wanted family, is none of ours. */
function answerTo(name, options) {
  if (typeof name !== 'string') return undefined;
  const wanted = name.toLowerCase().replace(/\.$/, '');
  const address = hosts.find(([host]) => wanted.endsWith(`.${host}`))?.[1];
  const family = typeof options === 'number' ? options : options?.family;
  if (address === undefined || family === 6 || family === 'IPv6') return undefined;
  return { address, family: 4, isList: typeof options === 'object' && options?.all === true };
}

const originalLookup = dns.lookup;
const originalPromise = dns.promises.lookup;

function lookup(...words) {
  const done = words.at(-1);
  const answer = answerTo(words[0], words.length > 2 ? words[1] : undefined);
  if (answer === undefined || typeof done !== 'function') return originalLookup.apply(dns, words);
  const { address, family, isList } = answer;
  if (isList) process.nextTick(done, null, [{ address, family }]);
  else process.nextTick(done, null, address, family);
  return {};
}

async function lookupPromise(name, options) {
  const answer = answerTo(name, options);
  if (answer === undefined) return originalPromise.call(dns.promises, name, options);
  const { address, family, isList } = answer;
  return isList ? [{ address, family }] : { address, family };
}

// promisify(dns.lookup) settles with an object, as it does with the original.
Object.defineProperty(lookup, promisify.custom, { value: lookupPromise });

dns.lookup = lookup;
dns.promises.lookup = lookupPromise;
syncBuiltinESMExports();
