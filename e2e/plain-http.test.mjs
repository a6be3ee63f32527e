/**
 * A server in the office, reached by its address over plain HTTP: browsers lack there what they have on secure origins.
 */
import assert from 'node:assert/strict';
import { answers, composer, connected, gone, message, say, seen, signUp } from './harness/app.mjs';
import { PLAIN_HOST } from './harness/browser.mjs';
import { journey } from './harness/journey.mjs';

journey('over plain HTTP everything works', async ({ server, arrive, step, audit }) => {
	const { port } = new URL(server.url);
	const ada = await arrive('Ada', { baseURL: `http://${PLAIN_HOST}:${port}` });
	let page;

	await step('the browser lacks what it has on secure origins', async () => {
		page = await ada.open();
		await signUp(page, ada);
		await connected(page);
		const lacks = () => [isSecureContext, 'randomUUID' in crypto, 'clipboard' in navigator, 'locks' in navigator];
		assert.deepEqual(await page.evaluate(lacks), [false, false, false, false]);
	});

	await step('a question to a model is asked and answered, and so is the next one', async () => {
		const ask = page.getByRole('textbox').first();
		await ask.fill('What is **plain** HTTP?');
		await ask.press('Enter');
		await seen(message(page, 'What is plain HTTP?'));
		await seen(answers(page).getByRole('button', { name: 'Copy text' }));
		await page.getByRole('textbox').first().fill('And without `TLS`?');
		await page.getByRole('textbox').first().press('Enter');
		await seen(answers(page).nth(1).getByRole('button', { name: 'Copy text' }));
		await audit(page, 'a chat over plain HTTP');
	});

	await step('a message is posted, edited and copied', async () => {
		await page.getByRole('button', { name: 'New channel', exact: true }).click();
		await page.getByRole('dialog').getByLabel('Name').fill('office');
		await page.getByRole('button', { name: 'Create channel' }).click();
		await say(page, 'Message #office', 'The *printer* is  back.');
		await seen(message(page, 'The printer is back.'));
		await message(page, 'The printer is back.').hover();
		await page.getByRole('button', { name: 'Copy text' }).click();
		await seen(page.getByText('Copied', { exact: true }));
		await composer(page, 'Message #office').press('ControlOrMeta+v');
		assert.equal(await composer(page, 'Message #office').inputValue(), 'The *printer* is  back.');
		await composer(page, 'Message #office').press('Enter');
		await seen(message(page, 'The printer is back.').nth(1));
	});

	await step('the code of an answer, and a new key, are copied', async () => {
		await say(page, 'Message #office', '```\nlpr -P office\n```');
		await page.getByRole('group', { name: 'Code' }).hover();
		await page.getByRole('button', { name: 'Copy code' }).click();
		await seen(page.getByRole('button', { name: 'Copied' }));
		await composer(page, 'Message #office').press('ControlOrMeta+v');
		assert.equal(await composer(page, 'Message #office').inputValue(), 'lpr -P office');
		await page.goto('/settings');
		await page.getByRole('button', { name: 'Create key' }).click();
		await page.getByRole('button', { name: 'Copy key' }).click();
		await seen(page.getByText('Key copied'));
		await gone(page.getByText('The browser did not allow it'));
	});

	await step('what another tab waits for comes to both', async () => {
		const other = await ada.open('/');
		await page.getByRole('link', { name: /^office/ }).click();
		await other.getByRole('link', { name: /^office/ }).click();
		await say(other, 'Message #office', 'From the other tab.');
		await seen(message(page, 'From the other tab.'));
		assert.equal(await message(page, 'From the other tab.').count(), 1);
	});
});
