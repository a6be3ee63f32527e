import { expect, it, vi } from 'vitest';
import { SimClock } from '../../test/world.ts';
import { hasSlept, watchWake } from './wake.ts';

it('notices sleep by a clock that jumped, and not by a busy moment', async () => {
	const clock = new SimClock();
	let woke = 0;
	const stop = watchWake(clock, { wake: () => (woke += 1), network: () => undefined });
	await clock.pass(60_000);
	expect(woke).toBe(0);
	clock.sleep(3_600_000);
	await clock.pass(10_000);
	expect(woke).toBe(1);
	stop();
	clock.sleep(3_600_000);
	await clock.pass(60_000);
	expect(woke).toBe(1);
	expect([hasSlept(5_000, 9_000), hasSlept(5_000, 15_000), hasSlept(5_000, -1)]).toEqual([false, true, true]);
});

it('asks when a page is seen again after a while, is restored or thawed, or has its network back', async () => {
	const page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
	vi.stubGlobal('document', page);
	vi.stubGlobal('window', new EventTarget());
	const clock = new SimClock();
	const told: string[] = [];
	const stop = watchWake(clock, {
		wake: () => told.push('wake'),
		network: (isThere) => told.push(`network ${isThere}`),
	});
	const see = (state: string) => {
		page.visibilityState = state;
		page.dispatchEvent(new Event('visibilitychange'));
	};
	see('hidden');
	await clock.pass(5_000);
	see('visible');
	expect(told, 'a glance at another tab').toEqual([]);
	see('hidden');
	clock.sleep(60_000);
	await clock.pass(10_000);
	expect(told, 'timers of a hidden page are late by themselves').toEqual([]);
	see('visible');
	window.dispatchEvent(new Event('offline'));
	window.dispatchEvent(new Event('online'));
	window.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: false }));
	window.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }));
	page.dispatchEvent(new Event('resume'));
	expect(told).toEqual(['wake', 'network false', 'network true', 'wake', 'wake']);
	stop();
	window.dispatchEvent(new Event('online'));
	see('hidden');
	await clock.pass(60_000);
	see('visible');
	expect(told).toHaveLength(5);
	vi.unstubAllGlobals();
});
