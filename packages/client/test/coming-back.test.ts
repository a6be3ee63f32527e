/**
 * Random stories of events, cuts, restarts, restored databases, removals and slow snapshots; after each, what is shown
 * equals what a fresh load would show. `SEEDS=5000 npx vitest run test/coming-back` runs more of them.
 */
import { describe, expect, it } from 'vitest';
import { Story, type Plant } from './story.ts';

const { process } = globalThis as unknown as { process: { env: Record<string, string | undefined> } };
const SEEDS = Number(process.env.SEEDS ?? 100);
const FIRST = Number(process.env.FIRST_SEED ?? 1);

const ROOMS = ['user:me', 'channel:a', 'channel:b', 'channel:c'];

function pick<T>(story: Story, from: readonly T[]): T {
	return from[Math.floor(story.random() * from.length)] as T;
}

/** One thing that happens. */
function happen(story: Story): void {
	const { server, tidings, random } = story;
	const dice = random();
	const room = pick(story, ROOMS);
	if (dice < 0.55) for (let n = 0; n < 1 + random() * 6; n++) server.emit(room);
	else if (dice < 0.6) for (let n = 0; n < 20 + random() * 40; n++) server.emit(room);
	else if (dice < 0.63) server.emit(room, pick(story, ['lost', 'twice']));
	else if (dice < 0.7) server.connection?.cut();
	else if (dice < 0.73) {
		if (server.connection) server.connection.isDead = true;
		server.connection?.cut();
	} else if (dice < 0.77) server.isUp ? server.stop() : server.start();
	else if (dice < 0.79) {
		server.stop();
		story.clock.sleep(200);
		server.start(true);
	} else if (dice < 0.83) server.prune(room);
	else if (dice < 0.86) server.connection?.fallBehind();
	else if (dice < 0.9) tidings.retryNow();
	else if (dice < 0.92) story.clock.sleep(60_000);
	else if (dice < 0.95) server.leave(pick(story, ['channel:b', 'channel:c']));
	else if (dice < 0.97) server.join(pick(story, ['channel:b', 'channel:c']));
	else if (dice < 0.98) server.connection?.joined(pick(story, [...server.rooms]));
	else pick(story, story.views).view.reload();
}

async function tell(seed: number, plant: Plant = 'none'): Promise<Story> {
	const story = new Story(seed, plant);
	for (const room of ROOMS) {
		story.server.rooms.add(room);
		for (let n = 0; n < story.random() * 20; n++) story.server.emit(room);
	}
	const list = story.watch('list', (room) => room.startsWith('channel:') || room === 'user:me');
	const messages = story.watch('messages of a', ['channel:a'], 3);
	const other = story.watch('messages of b', ['channel:b']);
	const mine = story.watch('mine', ['user:me'], 10);
	list.view.open();
	if (story.random() < 0.5) story.tidings.start();
	messages.view.open();
	mine.view.open();
	await story.clock.pass(Math.floor(story.random() * 300));
	story.tidings.start();
	other.view.open();
	for (let round = 0; round < 4; round++) {
		for (let step = 0; step < 25; step++) {
			happen(story);
			await story.clock.pass(Math.floor(story.random() * story.random() * 400));
			story.bounded();
		}
		for (const room of ROOMS) story.server.join(room);
		await story.settle();
	}
	story.tidings.stop();
	return story;
}

describe('coming back', () => {
	it(`shows what a fresh load shows, in ${SEEDS} stories`, { timeout: 600_000 }, async () => {
		let refetches = 0;
		for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
			const story = await tell(seed);
			expect(story.faults, `seed ${seed}`).toEqual([]);
			refetches += story.refetches;
		}
		expect(refetches, 'no story met a room that could not be followed').toBeGreaterThan(0);
	});

	const plants: Plant[] = ['as-of-ignored', 'times-unchecked', 'repeats-applied', 'event-swallowed'];
	it.each(plants)('would be noticed if it were broken: %s', { timeout: 60_000 }, async (plant) => {
		for (let seed = 1; seed <= 40; seed++) {
			const story = await tell(seed, plant);
			if (story.faults.length > 0) return;
		}
		expect.fail(`nothing noticed ${plant} in 40 stories`);
	});
});
