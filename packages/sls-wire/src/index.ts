export {
  type Authorization,
  authorizationV1,
  authorizationV4,
  isSignedWith,
  parseAuthorization,
} from './authorization.ts';
export { type CompressType, compress, decompress, encodeLz4Block, parseCompressType } from './compression.ts';
export {
  countLogs,
  decodeLogGroup,
  encodeLogGroup,
  encodeLogGroupList,
  encodeLogTags,
  type Log,
  type LogGroup,
  type LogValue,
} from './log-group.ts';
export { decodeLogPackages } from './log-package-list.ts';
export { signV1, stringToSignV1, type V1Digest, type V1Variant } from './signature-v1.ts';
export { bodyHash, canonicalRequestV4, signV4, type V4Scope } from './signature-v4.ts';
export { decodePath, type SignedRequest } from './signed-request.ts';
export { isSlsError, SlsError, slsErrors } from './sls-error.ts';
