/**
 * What agents propose about a person: every tab counts it, the person decides in one, and nothing is undone by a
 * proposal that is older than the text.
 */
import assert from 'node:assert/strict';
import { connected, gone, seen, sidebar, signUp } from './harness/app.mjs';
import { journey } from './harness/journey.mjs';

const reviewRow = (page, waiting) =>
	sidebar(page).getByRole('link', {
		name: waiting === 0 ? /^Review$/ : new RegExp(`^Review\\b.*\\b${waiting} waiting$`),
	});

const card = (page, text) => page.getByRole('article').filter({ hasText: text });

journey('an agent proposes and a person decides', async ({ server, arrive, step, audit }) => {
	const ada = await arrive('Ada');
	/** Ada's two tabs. */
	let desk, other;
	let token, key, block;
	const both = (look) => Promise.all([desk, other].map(look));
	const call = (path, body, as = token) => server.api(`/api/v1/memory/${path}`, { token: as, method: 'POST', body });
	const propose = (body, reasoning = 'It was decided in #launch.') =>
		call(`blocks/${block.id}/proposals`, { body, reasoning, confidence: 'high' }, key);

	await step('without a block the page says what one is, and makes one', async () => {
		desk = await ada.open();
		await signUp(desk, ada);
		({ token } = await server.signIn(ada));
		await reviewRow(desk, 0).click();
		await seen(desk.getByText('Nothing waits for you'));
		await audit(desk, 'the empty review page');
		await desk.getByRole('button', { name: 'Create a block' }).click();
		const dialog = desk.getByRole('dialog', { name: 'New memory block' });
		await dialog.getByLabel('Name').fill('Goals');
		await dialog.getByLabel('Text').fill('Ship the beta in December.\nKeep p99 under 50 ms.');
		await audit(desk, 'the dialog for a new block');
		await dialog.getByRole('button', { name: 'Create block' }).click();
		await seen(desk.getByRole('heading', { name: 'Goals' }));
		await desk.getByText('How an agent proposes a change').click();
		[block] = (await server.api('/api/v1/memory/blocks', { token })).blocks;
		await seen(desk.getByText(`/api/v1/memory/blocks/${block.id}/proposals`));
		await audit(desk, 'the page of a block');
	});

	await step('the settings make a key for the agent, shown once', async () => {
		await desk.goto('/settings');
		await desk.getByRole('button', { name: 'Create key' }).click();
		const field = desk.getByLabel('Your new key');
		await seen(field);
		key = await field.inputValue();
		assert.match(key, /^sk-/);
		await audit(desk, 'the settings with a new key');
	});

	await step('a proposal shows its count and a toast in both tabs', async () => {
		other = await ada.open('/');
		await seen(reviewRow(other, 0));
		await connected(other);
		await propose('Ship the beta on Monday, 30 November.\nKeep p99 under 50 ms.');
		await both((tab) => seen(reviewRow(tab, 1)));
		const toast = other.getByRole('button', { name: /proposes a change to Goals/ });
		await seen(toast);
		await toast.click();
		await seen(card(other, 'Goals').getByText('It was decided in #launch.'));
		await audit(other, 'a proposal');
	});

	await step('approving in one tab clears both, and tells the other what changed', async () => {
		await other.getByRole('button', { name: 'Approve, Goals' }).click();
		await seen(other.getByText(/Approved: Goals/));
		await both((tab) => seen(reviewRow(tab, 0)));
		const toast = desk.getByRole('button', { name: /Memory Updated.*Goals was modified/s });
		await seen(toast);
		assert.equal(await other.getByText('Goals was modified').count(), 0);
		await toast.click();
		await seen(desk.getByRole('heading', { name: 'Goals' }));
		assert.match(
			await desk.getByRole('textbox', { name: 'Text' }).inputValue(),
			/^Ship the beta on Monday, 30 November\./,
		);
	});

	await step('a proposal that is older than the text is shown anew before it is approved', async () => {
		await propose('Ship the beta on Tuesday.\nKeep p99 under 50 ms.');
		const stale = card(other, 'on Tuesday');
		await seen(stale);
		await desk.getByRole('textbox', { name: 'Text' }).fill('Ship the beta when it is good.\nKeep p99 under 50 ms.');
		await desk.getByRole('button', { name: 'Save' }).click();
		await seen(other.getByText('changed while you were reading'));
		await other.getByRole('button', { name: 'Approve, Goals' }).click();
		await seen(other.getByText('look again, then decide'));
		await seen(stale.getByText('when it is good', { exact: false }));
		await audit(other, 'a stale proposal');
		const { blocks } = await server.api('/api/v1/memory/blocks', { token });
		assert.equal(blocks[0].body, 'Ship the beta when it is good.\nKeep p99 under 50 ms.');
	});

	await step('an edited text is what is approved', async () => {
		await other.getByRole('button', { name: 'Edit, Goals' }).click();
		await other.getByLabel('Your text for Goals').fill('Ship the beta on Wednesday.');
		await audit(other, 'a proposal being edited');
		await other.getByRole('button', { name: 'Approve edited, Goals' }).click();
		await both((tab) => seen(reviewRow(tab, 0)));
		const { blocks } = await server.api('/api/v1/memory/blocks', { token });
		assert.equal(blocks[0].body, 'Ship the beta on Wednesday.');
	});

	await step('what was typed into a block outlives a change from elsewhere', async () => {
		const field = desk.getByRole('textbox', { name: 'Text' });
		await desk.waitForFunction(() => document.querySelector('textarea')?.value === 'Ship the beta on Wednesday.');
		await field.fill('My own words.');
		const [{ version }] = (await server.api('/api/v1/memory/blocks', { token })).blocks;
		await call(`blocks/${block.id}/update`, { body: 'Words from elsewhere.', base_version: version });
		await seen(desk.getByText('Goals changed meanwhile.'));
		await seen(desk.getByRole('alert').getByText('Words from elsewhere.'));
		assert.equal(await field.inputValue(), 'My own words.');
		await audit(desk, 'a block that changed meanwhile');
		await desk.getByRole('button', { name: 'Keep my text' }).click();
		await desk.getByRole('button', { name: 'Save' }).click();
		await gone(desk.getByText('Goals changed meanwhile.'));
	});

	await step('rejecting leads the keyboard to what waits next', async () => {
		const second = await call('blocks', { name: 'Values', body: 'Honest work.' });
		await seen(other.getByRole('button', { name: /Memory Updated.*Values was added/s }));
		await propose('Ship the beta on Thursday.');
		await call(`blocks/${second.id}/proposals`, { body: 'Honest work, plainly told.' }, key);
		await both((tab) => seen(reviewRow(tab, 2)));
		await seen(card(other, 'on Thursday'));
		await other.getByRole('button', { name: 'Reject, Values' }).press('Enter');
		await seen(other.getByText(/Rejected: Values/));
		await other.keyboard.press('Tab');
		assert.match(await other.evaluate(() => document.activeElement.textContent), /Approve/);
	});

	await step('rejecting what changed meanwhile shows it first', async () => {
		await propose('Ship the beta on Friday.');
		const waiting = card(other, 'on Friday');
		await seen(waiting);
		const [{ version }] = (await server.api('/api/v1/memory/blocks', { token })).blocks;
		await call(`blocks/${block.id}/update`, { body: 'Ship in January.', base_version: version });
		await seen(other.getByText('changed while you were reading'));
		await waiting.getByRole('button', { name: 'Reject, Goals' }).click();
		await seen(other.getByText('look again, then decide'));
		await seen(waiting.getByText('in January', { exact: false }));
		await audit(other, 'a rejection that came too late');
		await seen(reviewRow(other, 1));
		await waiting.getByRole('button', { name: 'Reject, Goals' }).click();
		await seen(other.getByText(/Rejected: Goals/));
		await both((tab) => seen(reviewRow(tab, 0)));
		await propose('Ship in February.');
		await both((tab) => seen(reviewRow(tab, 1)));
	});

	await step('Jump to knows the review and the blocks', async () => {
		await other.keyboard.press('Control+k');
		await other.keyboard.type('values');
		await seen(other.getByRole('option', { name: /Values/ }));
		await other.keyboard.press('Enter');
		await seen(other.getByRole('heading', { name: 'Values' }));
	});

	await step('a deleted block is gone in both tabs', async () => {
		await other.getByRole('button', { name: 'Delete block' }).click();
		await other.getByRole('alertdialog').getByRole('button', { name: 'Delete block' }).click();
		await gone(other.getByRole('link', { name: /^Values/ }));
		await desk.getByRole('link', { name: /proposal waits/ }).click();
		await seen(desk.getByRole('link', { name: /^Goals/ }));
		assert.equal(await desk.getByRole('link', { name: /^Values/ }).count(), 0);
	});
});
