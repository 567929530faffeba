import { MessageWriter, serverTags } from '@sampan/pg-wire';

/** Tags to look at: DEALLOCATE, DISCARD, RESET, LISTEN, PREPARE, SET; not SELECT, and DELETE only in passing. */
export function isTelling(buffer: Buffer, from: number): boolean {
  const first = buffer[from];
  if (first === 0x53) return buffer[from + 2] === 0x54;
  return first === 0x44 || first === 0x52 || first === 0x4c || first === 0x50;
}

/** Messages whose content matters, and which are small. */
export function isControl(tag: number): boolean {
  return (
    tag === serverTags.readyForQuery ||
    tag === serverTags.errorResponse ||
    tag === serverTags.parameterStatus ||
    tag === serverTags.commandComplete
  );
}

/** An ErrorResponse with these fields. */
export function errorMessageOf(fields: ReadonlyMap<string, string>): Buffer {
  const writer = new MessageWriter(serverTags.errorResponse, 256);
  for (const [letter, text] of fields) writer.int8(letter.charCodeAt(0)).cstring(text);
  return writer.int8(0).finish();
}
