/**
 * While the connection is away: what the page says, what it no longer claims to know, and what it shows of what could
 * not be loaded. And what goes on meanwhile: an answer that streams, a channel that is read.
 */
import assert from 'node:assert/strict';
import { after } from 'node:test';
import {
	composer,
	connected,
	gone,
	message,
	readRow,
	row,
	say,
	seen,
	sidebar,
	signIn,
	unreadRow,
} from './harness/app.mjs';
import { journey } from './harness/journey.mjs';
import { World } from './harness/meanwhile.mjs';
import { Model } from './harness/model.mjs';
import { showTheSame } from './harness/screen.mjs';
import { Wire } from './harness/wire.mjs';

const ADA = { name: 'Ada', email: 'ada@example.com' };
const BOB = { name: 'Bob', email: 'bob@example.com' };
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
const reconnecting = (page) => page.getByText('Reconnecting. Your messages are kept.');
const offline = (page) => page.getByText('This device is offline. Your messages are kept.');
/** A line of the list, confirmed or not. */
const line = (page, text) => page.locator('[data-line]').filter({ hasText: text });
const clock = (page, text, label) => line(page, text).getByRole('img', { name: label });

journey('Away, the page says so and claims nothing that it cannot know', async ({ server, arrive, step, audit }) => {
	const world = await World.of(server);
	const wire = await Wire.to(server.url);
	const ada = await arrive('Ada', { baseURL: wire.url });
	const bob = await arrive('Bob');
	const { bob: bobs, launch, ideas } = world;
	let page, other;
	const bobsRow = () => sidebar(page).getByRole('link', { name: /^Bob\b.*online/ });

	await step('Ada sees that Bob is there, and that he writes', async () => {
		page = await ada.open('/');
		await signIn(page, ADA);
		await row(page, 'launch').click();
		await seen(message(page, 'Word 70 of the launch.'));
		other = await bob.open('/');
		await signIn(other, BOB);
		await row(other, 'launch').click();
		await seen(bobsRow());
		await composer(other, 'Message #launch').pressSequentially('I think');
		await seen(page.getByText(/^Bob is typing$/));
	});

	await step('a device without a network: the bar says so, and what was known of Bob is not claimed', async () => {
		await ada.context.setOffline(true);
		await seen(offline(page));
		assert.equal(await page.getByText(/is typing/).count(), 0);
		await gone(bobsRow());
		await audit(page, 'a page that is offline');
	});

	await step('what is written and deleted without a network says what will become of it', async () => {
		await say(page, 'Message #launch', 'Written in a tunnel.');
		await seen(clock(page, 'Written in a tunnel.', 'Waiting to be sent'));
		const own = message(page, 'Ada was here first.');
		await own.scrollIntoViewIfNeeded();
		await own.hover();
		await own.getByRole('button', { name: 'Delete' }).click();
		await page.getByRole('button', { name: 'Delete message' }).click();
		await seen(own.getByText('It is deleted when you are connected again.'));
		await seen(clock(page, 'Ada was here first.', 'It waits to be deleted'));
		await audit(page, 'a deletion that waits');
		await own.getByRole('button', { name: 'Keep the message' }).click();
		await gone(own.getByText('It is deleted when you are connected again.'));
	});

	await step('with the network everything is right at once', async () => {
		await world.write(bobs, launch, 'Said while Ada was in the tunnel.');
		await ada.context.setOffline(false);
		await gone(offline(page));
		await seen(message(page, 'Said while Ada was in the tunnel.'));
		await seen(bobsRow());
		await gone(clock(page, 'Written in a tunnel.', 'Waiting to be sent'));
		await seen(message(page, 'Ada was here first.'));
	});

	await step('a network that goes and comes within a moment costs nothing', async () => {
		await ada.context.setOffline(true);
		await ada.context.setOffline(false);
		await world.write(bobs, launch, 'After the moment.');
		await seen(message(page, 'After the moment.'));
	});

	await step('a channel that could not be loaded says so, above what waits to be sent in it', async () => {
		wire.sever();
		await seen(reconnecting(page));
		await row(page, 'ideas').click();
		await seen(page.getByText('The messages could not be loaded.'));
		await say(page, 'Message #ideas', 'An idea without a wire.');
		await seen(clock(page, 'An idea without a wire.', 'Waiting to be sent'));
		await seen(page.getByText('what you wrote is below'));
		await audit(page, 'a channel that could not be loaded');
		await page.setViewportSize(PHONE.viewport);
		await seen(line(page, 'An idea without a wire.'));
		await seen(page.getByRole('alert').getByRole('button', { name: 'Retry' }));
		await audit(page, 'the same on a phone');
		await page.setViewportSize({ width: 1440, height: 900 });
		await world.write(bobs, ideas, 'Bob had one too.');
		wire.mend();
		await seen(message(page, 'Bob had one too.'));
		await seen(message(page, 'An idea without a wire.'));
		await gone(page.getByText('The messages could not be loaded.'));
	});
	await wire.close();
});

journey('What is read without a connection is read everywhere with it', async ({ server, arrive, step }) => {
	const world = await World.of(server);
	const wire = await Wire.to(server.url);
	const ada = await arrive('Ada', { baseURL: wire.url });
	const device = await arrive('Ada elsewhere');
	const { bob, ideas } = world;
	let page, elsewhere;

	await step('something is unread in a channel that was open before', async () => {
		page = await ada.open('/');
		await signIn(page, ADA);
		await row(page, 'ideas').click();
		await seen(page.getByText('Nothing was written here yet.'));
		await row(page, 'launch').click();
		await seen(message(page, 'Word 70 of the launch.'));
		elsewhere = await device.open('/');
		await signIn(elsewhere, ADA);
		await world.write(bob, ideas, 'Read me.');
		await Promise.all([page, elsewhere].map((tab) => seen(unreadRow(tab, 'ideas', 1))));
	});

	await step('it is read without a connection: here at once, elsewhere not yet', async () => {
		wire.sever();
		await seen(reconnecting(page));
		await row(page, 'ideas').click();
		await seen(message(page, 'Read me.'));
		await seen(readRow(page, 'ideas'));
		await page.close();
		await seen(unreadRow(elsewhere, 'ideas', 1));
	});

	await step('with the connection it is read elsewhere too, and what came since is unread', async () => {
		await row(elsewhere, 'launch').click();
		wire.mend();
		page = await ada.open('/');
		await seen(readRow(elsewhere, 'ideas'));
		await world.write(bob, ideas, 'And me.');
		await Promise.all([page, elsewhere].map((tab) => seen(unreadRow(tab, 'ideas', 1))));
	});
	await wire.close();
});

const model = await Model.start();
after(() => model.stop());
journey(
	'An answer that streams while one is away is whole when one is back',
	async ({ server, arrive, step }) => {
		const world = await World.of(server);
		const wire = await Wire.to(server.url);
		const ada = await arrive('Ada', { baseURL: wire.url });
		const far = await arrive('Ada afresh');
		const { talk } = world;
		let page, fresh;

		await step('an answer begins', async () => {
			fresh = await far.open('/');
			await signIn(fresh, ADA);
			page = await ada.open('/');
			await signIn(page, ADA);
			await connected(page);
			await row(page, 'Talk').click();
			await world.ask(talk, 'What happens meanwhile?', false);
			await model.asked;
			model.say('It begins. ');
			await seen(message(page, 'It begins.'));
		});

		await step('back in the middle: the part that was missed is there, and it goes on growing', async () => {
			wire.sever();
			await seen(reconnecting(page));
			model.say('Missed in the middle. ');
			await fresh.goto(`/c/${talk.id}`);
			await seen(message(fresh, 'Missed in the middle.'));
			wire.mend();
			await seen(message(page, 'It begins. Missed in the middle.'));
			await gone(reconnecting(page));
			model.say('Then it goes on. ');
			await seen(message(page, 'It begins. Missed in the middle. Then it goes on.'));
		});

		await step('back after its end: it is complete, and the same as in a fresh tab', async () => {
			wire.sever();
			await seen(reconnecting(page));
			model.say('The end.');
			model.end();
			await seen(message(fresh, 'Then it goes on. The end.'));
			wire.mend();
			await seen(message(page, 'It begins. Missed in the middle. Then it goes on. The end.'));
			await gone(reconnecting(page));
			await fresh.reload();
			await showTheSame(page, fresh, 'the chat');
		});
		await wire.close();
	},
	{ environment: model.environment },
);
