/**
 * Commands that survive being offline: kept, in order, once, by one tab at a time, and nobody else's.
 */
import { describe, expect, it } from 'vitest';
import { ASK_AFTER_MS, CLAIM_MS, type Entry } from '../src/outbox/machine.ts';
import { GivenUp } from '../src/outbox/answers.ts';
import { Commands } from '../src/outbox/commands.ts';
import { OutboxFull, OutboxUnavailable, type Command } from '../src/outbox/row.ts';
import { MemoryStore } from '../src/outbox/store.ts';
import { SimBrowser, SimSender, openTab } from './outbox-world.ts';
import { SimClock, chance } from './world.ts';

const { process } = globalThis as unknown as { process: { env: Record<string, string | undefined> } };
const SEEDS = Number(process.env.SEEDS ?? 30);

function world() {
	const clock = new SimClock();
	const random = chance(7);
	const browser = new SimBrowser(clock);
	const sender = new SimSender(clock, random);
	const open = (more?: Parameters<typeof openTab>[3]) => openTab(browser, sender, random, more);
	return { clock, browser, sender, open };
}

function command(kind = 'post', resource = 'channel:a'): Command {
	return { kind, resource, request: { method: 'POST', path: '/api/x', body: { kind } } };
}

const states = (entries: readonly Entry[]) => entries.map(({ state, waitingFor }) => waitingFor ?? state);

describe('the outbox', () => {
	it('keeps what is written offline, shows it in every tab, and sends it in order when live', async () => {
		const { clock, browser, sender, open } = world();
		const one = open();
		const two = open();
		const first = await one.outbox.add(command());
		const second = await two.outbox.add(command());
		const other = await one.outbox.add(command('edit', 'channel:b'));
		await clock.pass(10);
		expect(one.outbox.entries).toEqual(two.outbox.entries);
		expect(states(one.outbox.entries)).toEqual(['connection', 'connection', 'connection']);
		const told: string[] = [];
		one.outbox.onSent(({ entry }) => told.push(`one ${entry.id}`));
		two.outbox.onSent(({ entry, answer }) => told.push(`two ${entry.id} ${(answer as { id: string }).id}`));
		const answer = two.outbox.sent(first.id);
		two.outbox.gate(true);
		await clock.pass(5_000);
		expect(await answer).toEqual({ id: first.id });
		expect(sender.done.filter((id) => id !== other.id)).toEqual([first.id, second.id]);
		expect([one.outbox.entries, two.outbox.entries]).toEqual([[], []]);
		expect(told.filter((line) => line.startsWith('one'))).toHaveLength(3);
		expect(told.filter((line) => line === `two ${first.id} ${first.id}`)).toHaveLength(1);
		expect([...sender.sent.values()]).toEqual([1, 1, 1]);
		expect(await browser.store.read()).toEqual([]);
	});

	it('does a command once when the answer is lost, and when the tab dies while it is sent', async () => {
		const { clock, sender, open } = world();
		const one = open();
		one.outbox.gate(true);
		sender.mode = 'answers-lost';
		const { id } = await one.outbox.add(command());
		await clock.pass(20_000);
		expect(states(one.outbox.entries)).toEqual(['server']);
		sender.mode = 'well';
		await clock.pass(5);
		one.outbox.gate(false);
		one.outbox.gate(true);
		await clock.pass(2);
		expect(states(one.outbox.entries), 'sent again as soon as the connection is back').toEqual(['sending']);
		one.tab.crash();
		const two = open();
		two.outbox.gate(true);
		await clock.pass(5_000);
		expect([sender.done, two.outbox.entries]).toEqual([[id], []]);
	});

	it('shows what the server refuses until it is tried again or deleted, and lets later ones pass', async () => {
		const { clock, sender, open } = world();
		const { outbox } = open();
		outbox.gate(true);
		sender.refused.add('post');
		const refused = await outbox.add(command());
		const failed = outbox.sent(refused.id);
		const late = await outbox.add(command('edit'));
		await expect(Promise.all([failed, clock.pass(3_000)])).rejects.toMatchObject({
			status: 403,
			code: 'forbidden',
		});
		await clock.pass(3_000);
		expect(sender.done).toEqual([late.id]);
		expect(outbox.entries).toMatchObject([{ id: refused.id, state: 'failed', reason: 'No.', retryable: true }]);
		sender.refused.clear();
		expect(await outbox.retry(refused.id)).toBe(true);
		await clock.pass(3_000);
		expect([sender.done, outbox.entries]).toEqual([[late.id, refused.id], []]);
	});

	it('gives up what its author deletes; what is on the wire is not tried again', async () => {
		const { clock, sender, open } = world();
		const { outbox } = open();
		const waiting = await outbox.add(command());
		const gone = expect(outbox.sent(waiting.id)).rejects.toBeInstanceOf(GivenUp);
		expect(await outbox.cancel(waiting.id)).toBe('cancelled');
		expect(await outbox.cancel(waiting.id)).toBe('gone');
		await gone;
		sender.mode = 'silent';
		outbox.gate(true);
		const flying = await outbox.add(command());
		await clock.pass(1);
		expect(states(outbox.entries)).toEqual(['sending']);
		expect(await outbox.cancel(flying.id)).toBe('sending');
		await clock.pass(120_000);
		expect([outbox.entries, sender.sent.get(flying.id), sender.sent.get(waiting.id)]).toEqual([[], 1, undefined]);
	});

	it('does not send what was seen to have happened', async () => {
		const { clock, sender, open } = world();
		const { outbox } = open();
		const told: unknown[] = [];
		outbox.onSent(({ entry, answer }) => told.push([entry.id, answer]));
		const waiting = await outbox.add(command());
		await outbox.confirm(waiting.id);
		sender.mode = 'answers-lost';
		outbox.gate(true);
		const flying = await outbox.add(command());
		await clock.pass(1);
		await outbox.confirm(flying.id);
		await clock.pass(60_000);
		expect([outbox.entries, sender.sent.get(waiting.id), sender.sent.get(flying.id)]).toEqual([[], undefined, 1]);
		expect(told).toEqual([
			[waiting.id, null],
			[flying.id, null],
		]);
	});

	it('says what it waits for', async () => {
		const { clock, sender, open } = world();
		let token: string | null = 'first';
		const { outbox } = open({ token: () => token });
		await outbox.add(command());
		await outbox.add(command());
		expect(states(outbox.entries)).toEqual(['connection', 'connection']);
		sender.mode = 'full';
		outbox.gate(true);
		await clock.pass(1_000);
		expect(states(outbox.entries)).toEqual(['space', 'turn']);
		sender.mode = 'signed-out';
		await clock.pass(60_000);
		expect(states(outbox.entries)).toEqual(['sign-in', 'sign-in']);
		const before = [...sender.sent.values()].reduce((sum, times) => sum + times, 0);
		sender.mode = 'well';
		await clock.pass(60_000);
		expect(
			[...sender.sent.values()].reduce((sum, times) => sum + times, 0),
			'not with that token',
		).toBe(before);
		token = 'second';
		await clock.pass(20_000);
		expect(outbox.entries).toEqual([]);
	});

	it('is bounded, and says so', async () => {
		const { open } = world();
		const { outbox } = open({ limits: { count: 2, bytes: 2_000 } });
		await outbox.add(command());
		const large = { ...command(), note: 'x'.repeat(3_000) };
		await expect(outbox.add(large)).rejects.toMatchObject({ name: 'OutboxFull', limit: 'bytes' });
		await outbox.add(command());
		await expect(outbox.add(command())).rejects.toBeInstanceOf(OutboxFull);
		await expect(outbox.add({ ...command(), note: 'x'.repeat(300_000) })).rejects.toMatchObject({ limit: 'size' });
		expect(outbox.entries).toHaveLength(2);
	});

	it('shows nothing as kept that the disk refused', async () => {
		const { clock, browser, sender, open } = world();
		const quota = new DOMException('full', 'QuotaExceededError');
		const { outbox } = open();
		await outbox.ready;
		browser.store.change = () => Promise.reject(quota);
		await expect(outbox.add(command())).rejects.toBeInstanceOf(OutboxUnavailable);
		outbox.gate(true);
		await clock.pass(60_000);
		expect([outbox.entries, sender.sent.size]).toEqual([[], 0]);
	});

	it('throws away what is damaged and keeps the rest', async () => {
		const { clock, browser, sender, open } = world();
		const { outbox } = open();
		const { id } = await outbox.add(command());
		const broken = [
			{ id: 'b1' },
			{ id: 'b2', state: 'odd' },
			{ ...((await browser.store.read())[0] as object), id: 'b3', order: 'x' },
		];
		for (const row of broken) await browser.store.change(() => ({ put: [row as never], answer: null }));
		const again = open().outbox;
		await again.ready;
		expect([again.entries.map((entry) => entry.id), again.damaged]).toEqual([[id], 3]);
		again.gate(true);
		await clock.pass(5_000);
		expect(sender.done).toEqual([id]);
		expect(await browser.store.read()).toEqual([]);
	});

	it('asks before it sends again what is old, and does not guess what nobody knows', async () => {
		const { clock, sender, open } = world();
		const { outbox } = open();
		sender.mode = 'answers-lost';
		outbox.gate(true);
		const ran = await outbox.add(command('x', 'a'));
		await clock.pass(500);
		sender.mode = 'silent';
		const not = await outbox.add(command('x', 'b'));
		const message = await outbox.add({ ...command('post', 'c'), once: 'temp_id' });
		await clock.pass(500);
		outbox.gate(false);
		clock.sleep(ASK_AFTER_MS + 60_000);
		sender.mode = 'well';
		outbox.gate(true);
		await clock.pass(120_000);
		expect([...sender.asked].sort()).toEqual([ran.id, not.id].sort());
		expect(outbox.entries).toEqual([]);
		expect(sender.sent.get(ran.id), 'it ran: not sent again').toBe(1);
		expect(sender.done).toContain(message.id);
		sender.mode = 'silent';
		const old = await outbox.add(command('x', 'd'));
		await clock.pass(500);
		outbox.gate(false);
		clock.sleep(2 * ASK_AFTER_MS);
		sender.knownSince = clock.now();
		sender.mode = 'well';
		outbox.gate(true);
		await clock.pass(120_000);
		expect(outbox.entries).toMatchObject([{ id: old.id, state: 'failed', code: 'too_old', retryable: true }]);
		await outbox.retry(old.id);
		await clock.pass(5_000);
		expect([sender.done.includes(old.id), outbox.entries]).toEqual([true, []]);
	});

	it('forgets everything at sign-out, in every tab and on the disk', async () => {
		const { clock, browser, sender, open } = world();
		const one = open();
		const two = open();
		await one.outbox.add(command());
		sender.mode = 'silent';
		two.outbox.gate(true);
		await clock.pass(5);
		await one.outbox.clear();
		await clock.pass(120_000);
		expect([one.outbox.entries, two.outbox.entries, await browser.store.read()]).toEqual([[], [], []]);
		expect(sender.sent.size).toBeLessThanOrEqual(1);
	});

	it("never sends one person's commands as another", async () => {
		const { clock, sender, open } = world();
		const jwt = (id: string) => `x.${btoa(JSON.stringify({ id, jti: 'j' })).replaceAll('=', '')}.y`;
		let token: string | null = jwt('ada');
		const { outbox } = open({ person: 'ada', token: () => token });
		await outbox.add(command());
		for (const other of [jwt('bob'), null]) {
			token = other;
			outbox.gate(true);
			await clock.pass(60_000);
			expect([states(outbox.entries), sender.sent.size]).toEqual([['sign-in'], 0]);
		}
		token = jwt('ada');
		await clock.pass(60_000);
		expect([outbox.entries, sender.sent.size]).toEqual([[], 1]);
	});

	it('sends only the newest of what replaces itself', async () => {
		const { clock, sender, open } = world();
		const { outbox } = open();
		const commands = new Commands(outbox);
		await commands.edit('a', 'm1', 'one');
		await commands.read('a', 4);
		const edit = await commands.edit('a', 'm1', 'two');
		const read = await commands.read('a', 9);
		const post = await commands.post('a', { content: 'hello' });
		expect(outbox.entries.map(({ kind, note }) => [kind, note])).toEqual([
			['edit', { channel_id: 'a', message_id: 'm1', content: 'two' }],
			['read', { channel_id: 'a', read_no: 9 }],
			['post', { channel_id: 'a', parent_id: null, reply_to_id: null, content: 'hello' }],
		]);
		expect(post.request.body).toMatchObject({ temp_id: post.id });
		outbox.gate(true);
		await clock.pass(5_000);
		expect([...sender.done].sort()).toEqual([edit.id, read.id, post.id].sort());
	});

	it('takes over from a tab that died where tabs cannot be alone, but not at once', async () => {
		const { clock, browser, sender, open } = world();
		const one = open();
		one.outbox.gate(true);
		await one.outbox.add(command());
		await clock.pass(1);
		one.tab.crash();
		const two = open();
		Object.assign(two.tab, { isSure: false, alone: (run: () => Promise<void>) => run() });
		two.outbox.gate(true);
		await clock.pass(CLAIM_MS / 2);
		expect(states(two.outbox.entries)).toEqual(['sending']);
		await clock.pass(CLAIM_MS);
		expect([two.outbox.entries, sender.done.length, await browser.store.read()]).toEqual([[], 1, []]);
	});

	it(
		`does everything once and in order over tabs that come, crash and go, in ${SEEDS} stories`,
		{ timeout: 120_000 },
		async () => {
			for (let seed = 1; seed <= SEEDS; seed++) await story(seed);
		},
	);

	it.each(['forgetful', 'crowded', 'unordered'] as const)(
		'would be noticed if it were broken: %s',
		{ timeout: 60_000 },
		async (plant) => {
			for (let seed = 1; seed <= 40; seed++) {
				const isNoticed = await story(seed, plant).then(
					() => false,
					() => true,
				);
				if (isNoticed) return;
			}
			expect.fail(`nothing noticed ${plant} in 40 stories`);
		},
	);
});

type Plant = 'none' | 'forgetful' | 'crowded' | 'unordered';

async function story(seed: number, plant: Plant = 'none'): Promise<void> {
	const clock = new SimClock();
	const random = chance(seed);
	const browser = new SimBrowser(clock);
	const sender = new SimSender(clock, random);
	sender.isForgetful = plant === 'forgetful';
	browser.isOpen = plant === 'crowded';
	const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
	let tabs = [openTab(browser, sender, random), openTab(browser, sender, random)];
	const given: Entry[] = [];
	const cancelled = new Set<string>();
	const unsure = new Set<string>();
	const givenUp = new Set<string>();
	for (let step = 0; step < 60; step++) {
		const { outbox, tab } = pick(tabs);
		const dice = random();
		if (dice < 0.4) {
			const one = command(pick(['post', 'edit']), pick(['a', 'b', 'c']));
			const resource = plant === 'unordered' ? `${one.resource} ${step}` : one.resource;
			const entry = await outbox.add({ ...one, resource });
			given.push({ ...entry, resource: one.resource });
			outbox.sent(entry.id).catch((error) => error instanceof GivenUp && givenUp.add(entry.id));
		} else if (dice < 0.5 && given.length > 0) {
			const { id } = pick(given);
			const outcome = await outbox.cancel(id);
			if (outcome === 'cancelled') cancelled.add(id);
			if (outcome === 'sending') unsure.add(id);
		} else if (dice < 0.55 && given.length > 0) await outbox.retry(pick(given).id);
		else if (dice < 0.7) outbox.gate(random() < 0.6);
		else if (dice < 0.8) sender.mode = pick(['well', 'well', 'silent', 'answers-lost', 'busy', 'full']);
		else if (dice < 0.85) sender.refused = new Set(random() < 0.5 ? [] : ['edit']);
		else if (dice < 0.9) {
			tab.crash();
			tabs = tabs.filter((one) => one.tab !== tab);
			tabs.push(openTab(browser, sender, random));
		} else if (dice < 0.93) tabs.push(openTab(browser, sender, random));
		await clock.pass(Math.floor(random() * random() * 3_000));
	}
	sender.mode = 'well';
	sender.refused.clear();
	for (const { outbox } of tabs) outbox.gate(true);
	await clock.pass(300_000);
	const failed = new Set<string>();
	for (const { id } of tabs[0]?.outbox.entries.filter((entry) => entry.state === 'failed') ?? []) failed.add(id);
	const where = `seed ${seed}`;
	expect(browser.wasCrowded, where).toBe(false);
	expect(new Set(sender.done).size, where).toBe(sender.done.length);
	for (const { outbox } of tabs) {
		expect(outbox.entries, where).toEqual(tabs[0]?.outbox.entries);
		expect(
			outbox.entries.every((entry) => entry.state === 'failed'),
			where,
		).toBe(true);
	}
	for (const { id } of given) {
		const isDone = sender.done.includes(id);
		if (givenUp.has(id)) expect(cancelled.has(id) || unsure.has(id), `${where}: ${id} was not deleted`).toBe(true);
		if (!cancelled.has(id) && !unsure.has(id) && !failed.has(id))
			expect(isDone, `${where}: ${id} is lost`).toBe(true);
	}
	// What was never refused keeps its order within its resource.
	for (const resource of ['a', 'b', 'c']) {
		const posts = given.filter((entry) => entry.resource === resource && entry.kind === 'post').map(({ id }) => id);
		const order = sender.done.filter((id) => posts.includes(id));
		expect(order, where).toEqual(posts.filter((id) => order.includes(id)));
	}
}

it('keeps nothing over the life of a page in a browser that keeps nothing, and says so', () => {
	expect(new MemoryStore().isKept).toBe(false);
});
