import { createHash } from 'node:crypto';

/** Reader's stand-in for a required secret that nobody set; the vault generates the real one. */
const generatePrefix = 'sampan-generate-';

export const standInFor = (variable: string): string => `${generatePrefix}${variable}`;
export const isStandIn = (value: string): boolean => value.startsWith(generatePrefix);

const secretWords =
  /(PASSWORD|PASSWD|PASSPHRASE|(^|_)PASS$|(^|_)PW$|(^|_)PWD$|SECRET|(^|_)TOKEN$|API_?KEY|ACCESS_?KEY|PRIVATE_KEY|ACCOUNT_KEY|ENCRYPTION_?KEY|SERVER_KEY|DAEMON_KEY|KEY_FOR_|(^|_)(AK|SK)$|ALLOWED_KEYS|CREDENTIALS|CONNECTION_STRING|(^|_)DSN$|SERVICE_ACCOUNT_JSON|REDISCLI_AUTH)/i;
const notSecretWords =
  /(_FILE|_FILENAME|_PATH|_URL|_ENABLED|_USERS?|_ID|_EXPIRY_MINUTES|_EXPIRE_MINUTES|_NAME|_PROVIDER)$/i;

/** Whether a variable's name says that its value is a secret. */
export function isSecretName(name: string): boolean {
  return secretWords.test(name) && !(notSecretWords.test(name) && !/(SECRET_ID|ACCESS_KEY_ID)$/i.test(name));
}

/** Numbers and switches are settings, whatever their name. */
export function isSecretVariable(name: string, value: string): boolean {
  return isSecretName(name) && value !== '' && !/^(true|false|null|none|-?\d{1,6})$/i.test(value);
}

/**
 * SHA-256 of secrets that stand in public documentation, repositories and templates of Dify and therefore protect
 * nothing. Kept as hashes, so that this table is not one more copy of them.
 */
export const publicSecretHashes: Readonly<Record<string, string>> = {
  '0f44b34c6311bcb547867d393c1c56e6564e03d905fdd023637f549358bf3670': 'SECRET_KEY',
  b8ba9c61cc9ff699c426c75e748fcf200e8b47869d76fde8bb36ec2f7a34f038: "Dify's databases and Redis",
  '56a477509f66bd82bbc56df5071b1e042a071c27ecd47961926a9c6e8431fea5': "Dify's Vastbase",
  a4b744973756871c1d844ccf4a34d21170bf2e6a54ee13af60c4395a632cdca2: 'the Dify sandbox',
  '481c0ab8a6f9e9dcb9391fb1c8b649d19f493c5253e4dc20c2c32ec21875b8ab': 'PLUGIN_DAEMON_KEY',
  '217ef27f7b2a2f8949eb2e0973f7dfa099f887427b9a6626b2395e2417239ff2': 'PLUGIN_DIFY_INNER_API_KEY',
  '1989496b76464a0cf3ba21e4dbad83e8a1dfc4ffa83862ab09d0782306e6d43e': "Dify's Weaviate",
  c8fb2ea7139c9093320a5e77953956ed34c60964e5b6b24026bf01cb07f0e47b: "Dify's OpenSearch",
  '480c6aa4267b4562cd0fefb9ff67ed4471ff0b97d9fc465c9a1d020750dd507a': "Dify's openGauss",
  '1713ce4509f261a39ca0ab07faaf16c78c2420ee4f3256b04622955c2b0d8b29': "Dify's IRIS",
  '5ffdc3d42c5cec2ae95d66e7ac3dc1fc053f087819b1719df1020a1a5f5b7e0c': "Dify's Oracle",
  b343ddffb9e198699b81e0daca390094ac12b7a5fd2fc857b37a01e4e9db00e9: "Dify's AnalyticDB",
  '871218fed44b4aa142298818851f34a0dc798cb9e8487d926248a63997e6ef82': "Dify's Azure Blob",
  '5f366776c8b6404dbda0419f88643eacc52d78b9c1155fa54fffd178e93d8577': "Dify's Kibana",
};

const weakWords =
  /^(password|passw0rd|postgres|root|admin|administrator|secret|changeme|change-me|change_me|example|test|testpassword|default|guest|user|elastic|minioadmin|mysecretpassword|nextcloud|wordpress|dify|xxx|111|1234|12345|123456|12345678|qwerty)$/i;
const placeholderWords = /^(your|my|the)?[-_ ]?(own)?[-_ ]?your[-_ ]|^<.*>$|^x{3,}$|^\*+$/i;

/** Why a value protects nothing, or `undefined` when nothing speaks against it. */
export function weaknessOf(value: string): string | undefined {
  if (isStandIn(value)) return 'it is not set';
  const known = publicSecretHashes[createHash('sha256').update(value).digest('hex')];
  if (known !== undefined) return `it is the public default of ${known}`;
  if (placeholderWords.test(value)) return 'it is a placeholder';
  if (weakWords.test(value)) return 'it is a word that is tried first';
  return value.length < 6 ? 'it has fewer than 6 characters' : undefined;
}

export const isPlaceholder = (value: string): boolean => placeholderWords.test(value);
