import { describe, expect, it } from 'vitest';
import { createLifecycle } from './lifecycle.ts';

describe('lifecycle', () => {
  it('releases in reverse order of acquisition, once', async () => {
    const released: string[] = [];
    const lifecycle = createLifecycle();
    lifecycle.defer('first', () => void released.push('first'));
    lifecycle.defer('second', async () => void released.push('second'));
    await Promise.all([lifecycle.stop(), lifecycle.stop()]);
    await lifecycle.stop();
    expect(released).toEqual(['second', 'first']);
  });

  it('releases the rest when one release fails, then reports the failure by name', async () => {
    const released: string[] = [];
    const lifecycle = createLifecycle();
    lifecycle.defer('disk', () => void released.push('disk'));
    lifecycle.defer('server', () => Promise.reject(new Error('still busy')));
    await expect(lifecycle.stop()).rejects.toThrow('stopping server failed: still busy');
    expect(released).toEqual(['disk']);
  });

  it('reports every failure when several releases fail', async () => {
    const lifecycle = createLifecycle();
    lifecycle.defer('a', () => Promise.reject(new Error('one')));
    lifecycle.defer('b', () => Promise.reject(new Error('two')));
    await expect(lifecycle.stop()).rejects.toThrow('stopping b failed: two; stopping a failed: one');
  });

  it('releases at once what is acquired after the stop', async () => {
    const released: string[] = [];
    const lifecycle = createLifecycle();
    await lifecycle.stop();
    lifecycle.defer('late', () => void released.push('late'));
    await lifecycle.stop();
    expect(released).toEqual(['late']);
  });
});
