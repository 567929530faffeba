import { slsErrors } from '@sampan/sls-wire';
import { logstoreOf, type Operation } from './operation.ts';
import { jsonReply } from './reply.ts';
import { integerParameter, parameter } from './request.ts';

const topicsMax = 100;

/** The topics of a logstore in order of their names, from `token` on. */
export const listTopics: Operation = {
  name: 'ListTopics',
  async run(call) {
    const { project, logstore } = logstoreOf(call);
    const line = integerParameter(call.request, 'line') ?? topicsMax;
    if (line < 0) throw slsErrors.parameterInvalid('The parameter line must be a non-negative integer');
    const token = parameter(call.request, 'token') ?? '';
    const { rows } = await call.backend.engine.sql({
      logstore: call.backend.view(project, logstore),
      sql: `SELECT DISTINCT __topic__ AS topic FROM "${logstore}" WHERE __topic__ >= '${token.replaceAll("'", "''")}' ORDER BY topic`,
      // One more tells whether there is a next page, and its name is the token of that page.
      rowLimit: Math.min(line, topicsMax) + 1,
    });
    const topics = rows.map(([topic]) => topic ?? '');
    const page = topics.slice(0, Math.min(line, topicsMax));
    return jsonReply(page, {
      'x-log-count': String(page.length),
      'x-log-nexttoken': encodeURIComponent(topics[page.length] ?? ''),
    });
  },
};
