import { expect, it } from 'vitest';
import { fetchAgain } from './fetch-again';

it('runs one at a time, and once more for whoever asked meanwhile', async () => {
	const opened: (() => void)[] = [];
	let [running, most, runs] = [0, 0, 0];
	const ask = fetchAgain(async () => {
		runs += 1;
		running += 1;
		most = Math.max(most, running);
		await new Promise<void>((open) => opened.push(open));
		running -= 1;
	});
	const tick = () => new Promise((done) => setTimeout(done));
	const all = [ask(), ask()];
	await tick();
	all.push(ask(), ask());
	for (let turn = 0; turn < 2; turn++) {
		opened.shift()?.();
		await tick();
	}
	await Promise.all(all);
	expect([runs, most]).toEqual([2, 1]);
});
