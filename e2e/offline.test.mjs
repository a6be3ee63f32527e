/**
 * What one writes without a connection: shown at once, kept over a reload, in every tab, sent once and in order when the
 * connection is back; and what the server refuses is shown with its reason.
 */
import assert from 'node:assert/strict';
import { composer, gone, message, row, say, seen, signIn } from './harness/app.mjs';
import { journey } from './harness/journey.mjs';
import { World } from './harness/meanwhile.mjs';
import { until } from './harness/server.mjs';
import { Wire } from './harness/wire.mjs';

const ADA = { name: 'Ada', email: 'ada@example.com' };
const LAUNCH = 'Message #launch';
const away = (page) => page.getByText(/^(Reconnecting|Connecting)\. Your messages are kept\.$/);
const clock = (page, text, label = 'Waiting to be sent') => line(page, text).getByRole('img', { name: label });
/** A line of the list, confirmed or not. */
const line = (page, text) => page.locator('[data-line]').filter({ hasText: text });

/** Nothing of it is cut off at the edges of the list. */
const isWhole = (locator) =>
	locator.evaluate((text) => {
		const [line, list] = [text, text.closest('[role=region]')].map((one) => one.getBoundingClientRect());
		return line.top >= list.top && line.bottom <= list.bottom;
	});

/** Blocks the live connection of all pages of a person, and nothing else, until the answer is called. */
async function withoutSocket(context) {
	let isBlocked = true;
	const path = /\/ws\/socket\.io\//;
	await context.route(path, (route) => (isBlocked ? route.abort() : route.fallback()));
	await context.routeWebSocket(path, (socket) => (isBlocked ? socket.close() : socket.connectToServer()));
	return () => (isBlocked = false);
}

journey('What is written while away is kept and sent once', async ({ server, arrive, step, audit }) => {
	const world = await World.of(server);
	const wire = await Wire.to(server.url);
	const ada = await arrive('Ada', { baseURL: wire.url });
	/** What Ada has written in #launch, oldest first, as the server has it. */
	const written = async () => {
		const page = await world.ada.get(`channels/${world.launch.id}/messages?skip=0&limit=100`);
		return page
			.filter((one) => one.user_id === world.ada.id)
			.map((one) => one.content)
			.toReversed();
	};
	let left, right;
	const both = (look) => Promise.all([left, right].map(look));

	await step('messages without a connection wait with a clock, in both tabs', async () => {
		left = await ada.open('/');
		await signIn(left, ADA);
		right = await ada.open('/');
		await both((tab) => row(tab, 'launch').click());
		await both((tab) => seen(message(tab, 'Word 70 of the launch.')));
		wire.sever();
		await both((tab) => seen(away(tab)));
		await say(left, LAUNCH, 'First without a wire.');
		await say(right, LAUNCH, 'Second without a wire.');
		await say(left, LAUNCH, 'Third, better not.');
		await both((tab) => seen(clock(tab, 'First without a wire.')));
		await both((tab) => seen(clock(tab, 'Second without a wire.')));
		await audit(left, 'messages that wait');
	});

	await step('a page that was never opened opens without a connection', async () => {
		await right.getByRole('link', { name: /^Review/ }).click();
		await seen(right.getByRole('heading', { name: 'Review' }));
		await row(right, 'launch').click();
		await seen(message(right, 'Word 70 of the launch.'));
	});

	await step('one that waits can be taken back, and its text is in the composer', async () => {
		await line(left, 'Third, better not.').getByRole('button', { name: 'Do not send' }).click();
		await both((tab) => gone(line(tab, 'Third, better not.')));
		assert.equal(await composer(left, LAUNCH).inputValue(), 'Third, better not.');
	});

	await step('an edit and a deletion wait as well', async () => {
		const own = message(left, 'Ada was here first.');
		await own.scrollIntoViewIfNeeded();
		await own.hover();
		await own.getByRole('button', { name: 'Edit' }).click();
		const editor = left.getByRole('article').getByRole('textbox');
		await editor.fill('Ada was here before all.');
		await editor.press('Enter');
		await seen(clock(left, 'Ada was here before all.', 'The change waits to be saved'));
		await audit(left, 'a change that waits');
	});

	await step('with the connection all is sent, once and in order', async () => {
		wire.mend();
		await both((tab) => gone(away(tab)));
		await both((tab) => seen(message(tab, 'Second without a wire.')));
		await both((tab) => gone(tab.getByRole('img', { name: /Waiting to be sent|On its way/ })));
		assert.deepEqual(await written(), [
			'Ada was here before all.',
			'First without a wire.',
			'Second without a wire.',
		]);
		for (const text of ['First without a wire.', 'Second without a wire.']) {
			await both(async (tab) => assert.equal(await line(tab, text).count(), 1));
		}
	});

	await step('what waits outlives a reload, and the draft too', async () => {
		const unblock = await withoutSocket(ada.context);
		await right.close();
		await left.reload();
		await seen(away(left));
		assert.equal(await composer(left, LAUNCH).inputValue(), 'Third, better not.');
		await say(left, LAUNCH, 'Before the reload.');
		await seen(clock(left, 'Before the reload.'));
		await left.reload();
		await seen(away(left));
		await seen(clock(left, 'Before the reload.'));
		unblock();
		await gone(away(left));
		await seen(message(left, 'Before the reload.'));
		assert.equal((await written()).at(-1), 'Before the reload.');
	});

	await step('what waits outlives its tab', async () => {
		wire.sever();
		await seen(away(left));
		await say(left, LAUNCH, 'Written in a tab that was closed.');
		await seen(clock(left, 'Written in a tab that was closed.'));
		await left.close();
		wire.mend();
		left = await ada.open(`/channels/${world.launch.id}`);
		await seen(message(left, 'Written in a tab that was closed.'));
		assert.equal((await written()).filter((text) => text === 'Written in a tab that was closed.').length, 1);
	});

	await step('a busy or full server makes it wait, and says so', async () => {
		const refusals = [
			[503, 'unavailable', 'The server is busy.'],
			[507, 'storage_full', 'The server has no space left.'],
		];
		for (const [status, code, says] of refusals) {
			await left.route('**/messages/post', (route) =>
				route.fulfill({ status, json: { detail: 'not now', code }, headers: { 'retry-after': '1' } }),
			);
			await say(left, LAUNCH, `Sent in spite of ${status}.`);
			const reason = line(left, `in spite of ${status}`).getByText(says);
			await seen(reason);
			await until('the whole reason is in view', () => isWhole(reason));
			await audit(left, `a message that waits for a ${status}`);
			await left.unroute('**/messages/post');
			await seen(message(left, `Sent in spite of ${status}.`));
		}
	});

	await step('what the server refuses is red, with its sentence, until one decides', async () => {
		await left.route('**/messages/post', (route) =>
			route.fulfill({ status: 403, json: { detail: 'you may not write here', code: 'forbidden' } }),
		);
		await say(left, LAUNCH, 'Refused at first.');
		await seen(line(left, 'Refused at first.').getByText('Not sent. You may not write here.'));
		await audit(left, 'a message that was refused');
		await left.unroute('**/messages/post');
		await line(left, 'Refused at first.').getByRole('button', { name: 'Retry' }).click();
		await seen(message(left, 'Refused at first.'));
	});

	await step('written to a channel that one is no longer in: refused, and it can be found', async () => {
		await row(left, 'plans').click();
		await seen(composer(left, 'Message #plans'));
		await seen(left.getByText('Nothing was written here yet.').or(left.getByRole('article')));
		wire.sever();
		await seen(away(left));
		await say(left, 'Message #plans', 'Too late for the plans.');
		await seen(clock(left, 'Too late for the plans.'));
		await world.bob.post(`channels/${world.plans.id}/update/members/remove`, { user_ids: [world.ada.id] });
		wire.mend();
		await seen(left.getByText('This channel does not exist, or it is not open to you.'));
		await left.getByRole('button', { name: 'Show it' }).click();
		await seen(line(left, 'Too late for the plans.').getByText(/^Not sent\./));
		await audit(left, 'a message that was refused with its channel');
		await left.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click();
	});

	await step('signing out asks before it is lost, and leaves nothing behind', async () => {
		const signOut = async () => {
			await left.getByRole('button', { name: /Your account/ }).click();
			await left.getByRole('menuitem', { name: 'Sign out' }).click();
			return left.getByRole('alertdialog', { name: 'Sign out?' });
		};
		let question = await signOut();
		await seen(question.getByText(/not sent yet and would be lost/));
		await audit(left, 'the question at sign-out');
		wire.sever();
		await question.getByRole('button', { name: 'Sign out' }).click();
		await seen(question.getByText(/You are still signed in/));
		await question.getByRole('button', { name: 'Cancel' }).click();
		await seen(left.getByRole('button', { name: 'Show it' }));
		wire.mend();
		await gone(away(left));
		question = await signOut();
		await question.getByRole('button', { name: 'Sign out' }).click();
		await seen(left.getByRole('button', { name: 'Sign in', exact: true }));
		assert.equal(await left.evaluate(rowsLeft), 0);
		assert.equal(await left.evaluate(() => sessionStorage.length), 0);
		await signIn(left, ADA);
		await row(left, 'launch').click();
		await seen(message(left, 'Refused at first.'));
		assert.equal(await left.getByText('Too late for the plans.').count(), 0);
	});
	await wire.close();
});

/** In the page: how many rows are in all databases of the browser. */
async function rowsLeft() {
	const done = (request) =>
		new Promise((resolve, reject) => {
			request.onsuccess = () => resolve(request.result);
			request.onerror = () => reject(request.error);
		});
	let rows = 0;
	for (const { name } of await indexedDB.databases()) {
		const database = await done(indexedDB.open(name));
		for (const store of database.objectStoreNames) {
			rows += await done(database.transaction(store).objectStore(store).count());
		}
		database.close();
	}
	return rows;
}

journey('A network that falls silent is noticed by what one does', async ({ server, arrive, step }) => {
	await World.of(server);
	const wire = await Wire.to(server.url);
	const ada = await arrive('Ada', { baseURL: wire.url });
	let page;

	await step('a message over it brings the bar long before the next ping is missed', async () => {
		page = await ada.open('/');
		await signIn(page, ADA);
		await row(page, 'launch').click();
		await seen(message(page, 'Word 70 of the launch.'));
		wire.hang();
		await say(page, LAUNCH, 'Does anybody hear me?');
		// The ping that the server owes is missed after 20 to 45 s.
		await away(page).waitFor({ timeout: 18_000 });
		await seen(line(page, 'Does anybody hear me?'));
	});

	await step('and it is sent when the network is back', async () => {
		wire.mend();
		await gone(away(page));
		await seen(message(page, 'Does anybody hear me?'));
		await gone(clock(page, 'Does anybody hear me?'));
	});
	await wire.close();
});
