/**
 * What one reads stays where it is: while the bar comes and goes, while missed messages arrive, when one looks elsewhere and
 * comes back, after a reload.
 */
import assert from 'node:assert/strict';
import { gone, message, row, seen, signIn, unreadRow } from './harness/app.mjs';
import { journey } from './harness/journey.mjs';
import { World } from './harness/meanwhile.mjs';
import { Wire } from './harness/wire.mjs';

const ADA = { name: 'Ada', email: 'ada@example.com' };
const away = (page) => page.getByText('Reconnecting. Your messages are kept.');

/** Where a message is on the screen, in px from the top. */
async function placeOf(page, text) {
	// What was painted counts: it is asked in the first task after a frame, before anything else can change the page.
	const top = await message(page, text)
		.first()
		.evaluate(
			(line) =>
				new Promise((done) => {
					const { port1, port2 } = new MessageChannel();
					port1.onmessage = () => done(line.getBoundingClientRect().y);
					requestAnimationFrame(() => requestAnimationFrame(() => port2.postMessage(null)));
				}),
		);
	return Math.round(top);
}

journey('What one reads does not move', async ({ server, arrive, step, audit }) => {
	const world = await World.of(server);
	const wire = await Wire.to(server.url);
	const ada = await arrive('Ada', { baseURL: wire.url });
	const { bob, launch, ideas } = world;
	let page;

	/** Reads at a message in the middle of the channel; answers where it is. */
	async function readAt(text) {
		await message(page, text).evaluate((line) => line.scrollIntoView({ block: 'center' }));
		// Older messages that this brings are above, and in the middle of the screen nothing is seen of it.
		await gone(page.getByRole('status', { name: 'Loading older messages' }));
		return placeOf(page, text);
	}
	/** Looks until it is there, for up to 5 s: a busy machine paints late. */
	const stays = async (text, place) => {
		let now = await placeOf(page, text);
		for (const end = Date.now() + 5_000; Math.abs(now - place) > 1 && Date.now() < end;)
			now = await placeOf(page, text);
		assert.ok(Math.abs(now - place) <= 1, `“${text}” moved from ${place} to ${now}`);
	};

	await step('Ada has read #launch to its end', async () => {
		page = await ada.open('/');
		await signIn(page, ADA);
		await row(page, 'launch').click();
		await seen(message(page, 'Word 70 of the launch.'));
		await readAt('Word 70 of the launch.');
		await row(page, 'ideas').click();
		await row(page, 'launch').click();
		await seen(message(page, 'Word 70 of the launch.'));
		assert.equal(await page.getByRole('separator', { name: 'New' }).count(), 0);
	});

	await step('at the end: the bar, and then what was missed, leave the text where it is', async () => {
		const place = await placeOf(page, 'Word 70 of the launch.');
		const fetched = [];
		page.on('request', (request) => /messages\?skip=0/.test(request.url()) && fetched.push(request.url()));
		wire.sever();
		await seen(away(page));
		await stays('Word 70 of the launch.', place);
		for (let at = 1; at <= 30; at += 1) await world.write(bob, launch, `Missed ${at} of thirty.`);
		wire.mend();
		await seen(unreadRow(page, 'launch', 30));
		await gone(away(page));
		await stays('Word 70 of the launch.', place);
		await seen(page.getByRole('separator', { name: 'New' }));
		assert.deepEqual(fetched, [], 'what was missed came from the log, not from fetching the list again');
		await audit(page, 'a channel after coming back');
		await page.getByRole('button', { name: '30 new messages' }).click();
		await gone(unreadRow(page, 'launch', 30));
		await seen(message(page, 'Missed 30 of thirty.'));
	});

	await step('in the middle: nothing moves, and what is new is said below', async () => {
		const place = await readAt('Word 60 of the launch.');
		wire.sever();
		await seen(away(page));
		await stays('Word 60 of the launch.', place);
		await world.write(bob, launch, 'Missed in the middle.');
		wire.mend();
		await seen(page.getByRole('button', { name: '1 new message' }));
		await gone(away(page));
		await stays('Word 60 of the launch.', place);
		await page.getByRole('button', { name: '1 new message' }).click();
		await gone(unreadRow(page, 'launch', 1));
	});

	await step('at the very beginning: the bar comes and goes, and the first message stays', async () => {
		const place = await readAt('Ada was here first.');
		wire.sever();
		await seen(away(page));
		await stays('Ada was here first.', place);
		wire.mend();
		await gone(away(page));
		await stays('Ada was here first.', place);
	});

	await step('after another channel, after Back, and after a reload one is where one was', async () => {
		const place = await readAt('Word 40 of the launch.');
		await row(page, 'ideas').click();
		await page.waitForURL(`**/channels/${ideas.id}`);
		await row(page, 'launch').click();
		await seen(message(page, 'Word 40 of the launch.'));
		await stays('Word 40 of the launch.', place);
		await row(page, 'ideas').click();
		await page.waitForURL(`**/channels/${ideas.id}`);
		await page.goBack();
		await seen(message(page, 'Word 40 of the launch.'));
		await stays('Word 40 of the launch.', place);
		await page.reload();
		await seen(message(page, 'Word 40 of the launch.'));
		await stays('Word 40 of the launch.', place);
	});

	await step('so much is new that its beginning is not loaded: there is a way back to it', async () => {
		await page.goto('about:blank');
		for (let at = 1; at <= 300; at += 1) await world.write(bob, ideas, `Idea ${at} of many.`);
		await page.goto(`/channels/${ideas.id}`);
		const back = page.getByRole('button', { name: 'First new message' });
		await seen(back);
		await audit(page, 'a channel with more new messages than are loaded');
		assert.equal(await message(page, 'Idea 1 of many.').count(), 0);
		await back.click();
		await seen(message(page, 'Idea 1 of many.'));
		await gone(back);
		const [rule, first] = await Promise.all(
			[page.getByRole('separator', { name: 'New' }), message(page, 'Idea 1 of many.')].map((one) =>
				one.boundingBox(),
			),
		);
		assert.ok(
			rule.y < first.y && first.y - rule.y < 80 && rule.y > 0 && first.y < 900,
			'it is in view, below “New”',
		);
	});

	await step('one who was away for more than is kept in reach gets all of it in place', async () => {
		await row(page, 'ideas').click();
		await row(page, 'launch').click();
		const place = await readAt('Word 50 of the launch.');
		wire.sever();
		await seen(away(page));
		await Promise.all([bob, world.cy].map((who) => flood(world, who, 550)));
		wire.mend();
		await seen(unreadRow(page, 'launch', '99\\+|1100'));
		await gone(away(page));
		await stays('Word 50 of the launch.', place);
	});
	await wire.close();
});

async function flood(world, who, count) {
	for (let at = 1; at <= count; at += 1) await world.write(who, world.launch, `Flood ${at} of ${who.name}.`);
}
