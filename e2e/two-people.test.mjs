/**
 * The main job, told once from end to end: two people, one of them in two tabs, a channel, a direct message, a model,
 * and a server that is stopped and killed under them.
 */
import assert from 'node:assert/strict';
import { journey } from './harness/journey.mjs';
import {
	answers,
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
	signUp,
	unreadRow,
} from './harness/app.mjs';
import { PASSWORD } from './harness/server.mjs';

const LAUNCH = 'Message #launch';

journey('two people and a model talk to each other live', async ({ server, arrive, step, audit }) => {
	const ada = await arrive('Ada');
	const bob = await arrive('Bob');
	/** Ada's tab, and Bob's two. */
	let desk, left, right;
	const bobs = () => [left, right];

	await step('both sign up; the first becomes the admin', async () => {
		desk = await ada.open();
		await seen(desk.getByRole('heading', { name: /Set up/ }));
		await audit(desk, 'the sign-up page of an empty server');
		await signUp(desk, ada);
		left = await bob.open();
		await seen(left.getByRole('heading', { name: /Sign in/ }));
		await audit(left, 'the sign-in page');
		await signUp(left, bob);
		right = await bob.open();
		await seen(sidebar(right));
		await Promise.all(bobs().map(connected));
		await audit(right, 'the first page');
	});

	await step('a channel made by one appears for the other, in both tabs', async () => {
		await desk.getByRole('button', { name: 'New channel', exact: true }).click();
		const dialog = desk.getByRole('dialog', { name: 'New channel' });
		await dialog.getByLabel('Name').fill('launch');
		await audit(desk, 'the dialog for a new channel');
		await dialog.getByRole('button', { name: 'Create channel' }).click();
		await seen(composer(desk, LAUNCH));
		await Promise.all(bobs().map((tab) => seen(row(tab, 'launch'))));
	});

	await step('a post shows a toast and a badge in both tabs', async () => {
		await say(desk, LAUNCH, 'We launch on **Friday**.');
		await seen(message(desk, 'We launch on Friday.'));
		await Promise.all(
			bobs().map(async (tab) => {
				await seen(unreadRow(tab, 'launch', 1));
				await seen(tab.getByRole('button', { name: /Ada.*#launch.*We launch on Friday/s }));
			}),
		);
		await audit(left, 'a page with a toast');
	});

	await step('opening the channel clears the badge in both tabs', async () => {
		await row(left, 'launch').click();
		await seen(message(left, 'We launch on Friday.'));
		await Promise.all(bobs().map((tab) => seen(readRow(tab, 'launch'))));
		await audit(left, 'a channel');
	});

	await step('one sees the other type, and the answer ends it', async () => {
		await composer(left, LAUNCH).pressSequentially('Is the');
		await seen(desk.getByText(/^Bob is /));
		await say(left, LAUNCH, 'Is the text final?');
		await seen(message(desk, 'Is the text final?'));
		await gone(desk.getByText(/^Bob is /));
	});

	await step('↑ in the empty composer edits the last message, for everyone', async () => {
		// Until the server has answered, the post is on its way and there is nothing to edit.
		await seen(message(left, 'Is the text final?'));
		await composer(left, LAUNCH).press('ArrowUp');
		const editor = left.getByRole('article').getByRole('textbox');
		await editor.fill('Is the text *really* final?');
		await editor.press('Enter');
		await seen(message(desk, 'Is the text really final?').getByText('edited'));
	});

	await step('a direct message is counted in both tabs and cleared in both', async () => {
		await desk.getByRole('button', { name: 'New direct message', exact: true }).click();
		const dialog = desk.getByRole('dialog', { name: 'New direct message' });
		await dialog.getByRole('combobox').fill('bo');
		await dialog.getByRole('option', { name: /Bob/ }).click();
		await audit(desk, 'the dialog for a new direct message');
		await dialog.getByRole('button', { name: 'Open conversation' }).click();
		await say(desk, 'Message Bob', 'Between us: yes.');
		await Promise.all(bobs().map((tab) => seen(unreadRow(tab, 'Ada', 1))));
		await row(right, 'Ada').click();
		await seen(message(right, 'Between us: yes.'));
		await Promise.all(bobs().map((tab) => seen(readRow(tab, 'Ada'))));
		await audit(right, 'a direct message');
	});

	await step('each sees that the other is there', async () => {
		await seen(sidebar(desk).getByRole('link', { name: /^Bob\b.*\bonline/ }));
		await seen(sidebar(left).getByRole('link', { name: /^Ada\b.*\bonline/ }));
	});

	await step('an answer of the model grows in both tabs', async () => {
		await left.getByRole('button', { name: 'New chat' }).click();
		await say(left, /^Ask /, 'What is this?');
		await left.waitForURL(/\/c\/./);
		await right.goto(left.url());
		await Promise.all(bobs().map((tab) => answerIsComplete(tab, 1)));
		await say(left, /^Ask /, 'And once more?');
		await seen(message(right, 'And once more?'));
		await Promise.all(bobs().map((tab) => seen(tab.getByText('writing', { exact: true }))));
		await Promise.all(bobs().map((tab) => answerIsComplete(tab, 2)));
		const [inLeft, inRight] = await Promise.all(bobs().map((tab) => answers(tab).last().innerText()));
		assert.equal(inRight, inLeft);
		assert.match(inLeft, /demonstration/);
		await audit(right, 'a chat');
	});

	await step('after a restart the tabs come back by themselves, and nothing is lost', async () => {
		await row(left, 'launch').click();
		await seen(message(left, 'We launch on Friday.'));
		await server.stop();
		await Promise.all([desk, left, right].map((tab) => seen(tab.getByText('Reconnecting'))));
		await audit(left, 'a channel while the server is away');
		await server.start();
		await Promise.all([desk, left, right].map((tab) => gone(tab.getByText('Reconnecting'))));
		await row(desk, 'launch').click();
		await say(desk, LAUNCH, 'The server was away for a moment.');
		await seen(message(left, 'The server was away for a moment.'));
		await seen(message(desk, 'Is the text really final?'));
	});

	await step('what was acknowledged survives a kill', async () => {
		await say(desk, LAUNCH, 'Written just before the crash.');
		await seen(message(left, 'Written just before the crash.'));
		await server.kill();
		await server.start();
		await gone(desk.getByText('Reconnecting'));
		await desk.reload();
		await seen(message(desk, 'Written just before the crash.'));
		await seen(message(desk, 'We launch on Friday.'));
	});

	await step('settings and people are pages without faults', async () => {
		await left.goto('/settings');
		await seen(left.getByRole('heading', { name: 'Settings' }));
		await audit(left, 'the settings');
		await desk.goto('/admin/people');
		await seen(desk.getByText(bob.email));
		await audit(desk, 'the people page');
	});

	await step('after signing out the next person in that tab sees nothing of the former', async () => {
		await right.goto('/');
		await right.getByRole('button', { name: /Your account/ }).click();
		await right.getByRole('menuitem', { name: 'Sign out' }).click();
		await seen(right.getByRole('button', { name: 'Sign in', exact: true }));
		await signIn(right, ada);
		await seen(right.getByRole('button', { name: 'Your account, Ada' }));
		await seen(row(right, 'Bob'));
		assert.equal(await row(right, 'Ada').count(), 0);
	});

	await step('the log names no password and no text of a message', () => {
		const log = server.log.join('\n');
		for (const secret of [PASSWORD, 'Friday', 'Between us', 'just before the crash']) {
			assert.ok(!log.includes(secret), `the log contains “${secret}”`);
		}
	});
});

/** Waits until the open chat has so many answers and none is being written. */
async function answerIsComplete(tab, count) {
	await seen(answers(tab).nth(count - 1));
	await gone(tab.getByText('writing', { exact: true }));
}
