import { randomInt } from 'node:crypto';
import { type Certificate, createCertificate } from '@sampan/base';
import { z } from 'zod';
import { slsEmulatorErrors } from '../errors.ts';
import { createDocuments } from '../storage/documents.ts';
import type { AccessKey } from './authenticate.ts';

/** What a data directory keeps so that clients go on working after a restart. Files have mode 0600. */
export interface Identity {
  readonly accessKey: AccessKey;
  readonly certificate: Certificate;
}

const accessKeySchema = z.object({ id: z.string().min(1), secret: z.string().min(1) });
const certificateSchema = z.object({ cert: z.string(), key: z.string() });

/** Reads the kept access key and certificate, making each on first use. */
export async function keepIdentity(
  directory: string,
  given: { accessKey: AccessKey | undefined; certificate: Certificate | undefined },
): Promise<Identity> {
  const documents = createDocuments(directory);
  const kept = await documents.load();

  async function keep<T>(name: string, schema: z.ZodType<T>, make: () => Promise<T> | T): Promise<T> {
    const value = kept.get(name);
    if (value === undefined) {
      const made = await make();
      await documents.write(name, made);
      return made;
    }
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    throw slsEmulatorErrors.create('SLS_DOCUMENT_CORRUPT', {
      message: `${directory}/${name}.json is not what it should be`,
      hint: 'delete the file to have a new one made',
    });
  }

  return {
    accessKey: given.accessKey ?? (await keep('access-key', accessKeySchema, makeAccessKey)),
    certificate: given.certificate ?? (await keep('certificate', certificateSchema, makeCertificate)),
  };
}

function makeAccessKey(): AccessKey {
  return { id: `SAMPAN${randomText(18)}`, secret: randomText(30) };
}

function makeCertificate(): Promise<Certificate> {
  return createCertificate(['localhost', '*.localhost', '*.sls.local', '127.0.0.1', '::1']);
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

function randomText(length: number): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
}
