import { expect, it } from 'vitest';
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
