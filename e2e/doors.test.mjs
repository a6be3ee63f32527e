/**
 * Who gets in and how: waiting for approval, losing one's place, a network without WebSockets.
 */
import { composer, gone, message, row, say, seen, sidebar, signUp } from './harness/app.mjs';
import { journey } from './harness/journey.mjs';

journey(
	'a person waits for approval, works, and is shut out again',
	async ({ arrive, step, audit }) => {
		const ada = await arrive('Ada');
		const bob = await arrive('Bob');
		let desk, tab;

		await step('who signs up waits, and the page says so', async () => {
			desk = await ada.open();
			await desk.route('**/auths/signup', (route) => route.abort());
			const unheard = desk.getByText('No answer came from the server. Your account may be there already');
			await signUp(desk, ada, unheard);
			await desk.unroute('**/auths/signup');
			await signUp(desk, ada);
			tab = await bob.open();
			await signUp(tab, bob, tab.getByRole('heading', { name: 'Almost there' }));
			await audit(tab, 'the waiting page');
		});

		await step('an approval opens the door by itself', async () => {
			await desk.goto('/admin/people');
			await desk
				.getByRole('listitem')
				.filter({ hasText: bob.email })
				.getByRole('button', { name: 'Approve' })
				.click();
			await seen(sidebar(tab));
		});

		await step('a disabled account is shut out while it looks', async () => {
			await desk.getByRole('button', { name: 'Actions for Bob' }).click();
			await desk.getByRole('menuitem', { name: 'Disable account' }).click();
			await desk.getByRole('alertdialog').getByRole('button', { name: 'Disable account' }).click();
			await seen(desk.getByText('Disabled', { exact: true }));
			await seen(tab.getByRole('button', { name: 'Sign in', exact: true }));
		});
	},
	{ environment: { DEFAULT_USER_ROLE: 'pending' } },
);

journey('without WebSockets everything works, and a quiet note says why', async ({ arrive, step, audit }) => {
	const ada = await arrive('Ada');
	const bob = await arrive('Bob');
	await bob.context.addInitScript(blockWebSockets);
	let desk, tab;

	await step('the app falls back to polling and says so once', async () => {
		desk = await ada.open();
		await signUp(desk, ada);
		tab = await bob.open();
		await signUp(tab, bob);
		await seen(tab.getByText('Your network blocks WebSockets'));
		await audit(tab, 'a page on polling');
	});

	await step('messages travel both ways', async () => {
		await desk.getByRole('button', { name: 'New channel', exact: true }).click();
		await desk.getByRole('dialog').getByLabel('Name').fill('far away');
		await desk.getByRole('button', { name: 'Create channel' }).click();
		await seen(composer(desk, 'Message #far away'));
		await row(tab, 'far away').click();
		await say(desk, 'Message #far away', 'Can you hear me?');
		await seen(message(tab, 'Can you hear me?'));
		await say(tab, 'Message #far away', 'Loud and clear.');
		await seen(message(desk, 'Loud and clear.'));
	});

	await step('the note can be put away', async () => {
		await tab
			.getByRole('button', { name: /Dismiss|Close/ })
			.first()
			.click();
		await gone(tab.getByText('Your network blocks WebSockets'));
	});
});

journey('the keyboard is enough', async ({ server, arrive, step, audit }) => {
	const ada = await arrive('Ada');
	let page;

	await step('Ctrl K jumps to a channel by its name', async () => {
		page = await ada.open();
		await signUp(page, ada);
		const { token } = await server.signIn(ada);
		for (const name of ['design', 'launch'])
			await server.api('/api/v1/channels/create', {
				token,
				method: 'POST',
				body: { name, access_control: null },
			});
		await seen(row(page, 'launch'));
		await page.keyboard.press('Control+k');
		await seen(page.getByRole('dialog'));
		await audit(page, 'Jump to');
		await page.keyboard.type('laun');
		await seen(page.getByRole('option', { name: /launch/ }));
		await page.keyboard.press('Enter');
		await seen(composer(page, 'Message #launch'));
	});

	await step('Shift Enter makes a line and Enter sends', async () => {
		await composer(page, 'Message #launch').pressSequentially('one');
		await page.keyboard.press('Shift+Enter');
		await page.keyboard.type('two');
		await page.keyboard.press('Enter');
		await seen(message(page, 'one'));
		await seen(message(page, 'two'));
	});

	await step('Alt and arrows walk through the channels', async () => {
		await page.keyboard.press('Alt+ArrowUp');
		await seen(composer(page, 'Message #design'));
		await page.keyboard.press('Alt+ArrowDown');
		await seen(composer(page, 'Message #launch'));
	});

	await step('? lists the keys and Esc closes the list', async () => {
		await row(page, 'launch').focus();
		await page.keyboard.press('?');
		await seen(page.getByRole('dialog', { name: 'Keys' }));
		await audit(page, 'the list of keys');
		await page.keyboard.press('Escape');
		await gone(page.getByRole('dialog', { name: 'Keys' }));
	});
});

/** Runs in the page: a network in which every WebSocket fails before it opens. */
function blockWebSockets() {
	globalThis.WebSocket = class {
		static CLOSED = 3;
		readyState = 0;
		constructor() {
			queueMicrotask(() => {
				this.readyState = 3;
				this.onerror?.(new Event('error'));
				this.onclose?.(new Event('close'));
			});
		}
		close() {}
	};
}
