import { describe, expect, it } from 'vitest';
import { planSteps } from './plan.ts';
import { type PromotionState, stateOfReport } from './state.ts';

function state(
  resources: Record<string, [type: string, properties: Record<string, string>]>,
): PromotionState {
  return {
    version: 1,
    resources: Object.fromEntries(
      Object.entries(resources).map(([id, [type, properties]]) => [
        id,
        { type: `ALIYUN::${type}`, properties },
      ]),
    ),
    parameters: {},
    monthlyCost: 0,
    connections: 0,
  };
}

const brief = (want: PromotionState, have?: PromotionState): string[] =>
  planSteps({ want, have }).map(({ logicalId, action, replacement, properties }) =>
    `${action} ${logicalId} ${replacement} ${properties.join(',')}`.trim(),
  );

// Actions and replacement in the words of ROS PreviewStack (API 2019-09-10).
describe('the plan', () => {
  const app = (cpu: string): PromotionState =>
    state({ App: ['SAE::Application', { AppName: 'a', Cpu: cpu }] });

  it('adds everything when nothing is there', () => {
    expect(brief(app('1'))).toEqual(['Add App False']);
  });

  it('leaves alone what is equal', () => {
    expect(brief(app('1'), app('1'))).toEqual(['None App False']);
  });

  it('modifies in place where the type allows it', () => {
    expect(brief(app('2'), app('1'))).toEqual(['Modify App False Cpu']);
  });

  it('says that a create-only property replaces the resource', () => {
    const have = state({ App: ['SAE::Application', { AppName: 'b', Cpu: '1' }] });
    expect(brief(app('1'), have)).toEqual(['Modify App True AppName']);
  });

  it('leaves the decision to ROS for types it does not know', () => {
    const at = (value: string) => state({ X: ['NEW::Thing', { P: value }] });
    expect(brief(at('1'), at('2'))).toEqual(['Modify X Conditional P']);
  });

  it('removes what is no longer wanted, last', () => {
    const have = state({
      Old: ['SAE::ConfigMap', {}],
      App: ['SAE::Application', { AppName: 'a', Cpu: '1' }],
    });
    expect(brief(app('1'), have)).toEqual(['None App False', 'Remove Old False']);
  });

  it('replaces a resource whose type changed', () => {
    const have = state({ App: ['ECS::Instance', {}] });
    expect(brief(app('1'), have)).toEqual(['Add App True']);
  });

  it.each(['', '{', '[]', '{"state":{"version":2}}', '{"state":null}'])(
    'takes %j for a report without state',
    (text) => {
      expect(stateOfReport(text)).toBeUndefined();
    },
  );

  it('reads the state of an earlier report', () => {
    expect(stateOfReport(JSON.stringify({ state: app('1') }))).toEqual(app('1'));
  });
});
