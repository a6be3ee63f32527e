/**
 * The pictures of the documents: a demo workspace, photographed at the three widths that count, in both themes.
 * `cargo xtask shots` builds everything and calls this; the files go to `docs/screenshots`.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { composer, gone, seen, sidebar } from './harness/app.mjs';
import { Person, launch } from './harness/browser.mjs';
import { ROOT, Server } from './harness/server.mjs';
import { Wire } from './harness/wire.mjs';

const FOLDER = process.env.SHOTS_FOLDER ?? join(ROOT, 'docs/screenshots');
const DESKTOP = { 1440: { width: 1440, height: 900 }, 1024: { width: 1024, height: 768 } };
const PHONE = { 390: { width: 390, height: 844 } };
/** The phone is a finger's machine: rows and buttons are larger there. */
const DEVICES = [
	{ sizes: DESKTOP, options: {} },
	{ sizes: PHONE, options: { viewport: PHONE[390], hasTouch: true, isMobile: true } },
];
const THEMES = ['light', 'dark'];

/** The first person whom the demo's start prints: address and password in one line. */
function firstAccount(server) {
	for (const line of server.output) {
		const account = /(\S+@[\w.-]+)\W+(?:password\W+)?(\S.*\S)\s*$/.exec(line);
		if (account) return { email: account[1], password: account[2] };
	}
	throw new Error(`the demo printed no account:\n${server.output.join('\n')}`);
}

/** What is photographed: a name, where it is, and what must be seen before. */
const PAGES = [
	{ name: 'channel', open: (page) => openRow(page, 'Channels', /^launch/) },
	{ name: 'direct', open: (page) => openRow(page, 'Direct messages', /./) },
	{ name: 'chat', open: (page) => openRow(page, 'Chats', /./) },
	{ name: 'start', open: (page) => page.goto('/') },
	{ name: 'settings', open: (page) => page.goto('/settings') },
	{ name: 'people', open: (page) => page.goto('/admin/people') },
];

async function openRow(page, section, name) {
	await page.goto('/');
	const link = page.getByRole('region', { name: section }).getByRole('link', { name }).first();
	await page.goto(await link.getAttribute('href'));
	await seen(page.getByRole('article'));
}

/** What is photographed while something is wrong. Each leaves the workspace as it was. */
const TROUBLES = [
	{
		name: 'away',
		async during(page, wire, shoot) {
			wire.sever();
			await seen(page.getByText('Reconnecting'));
			await post(page, 'I can be there at nine, with the printed cards.');
			await post(page, 'And with coffee.');
			await seen(page.getByRole('img', { name: 'Waiting to be sent' }));
			await shoot();
			for (const left of [1, 0]) {
				await page.getByRole('button', { name: 'Do not send' }).nth(left).click();
				await composer(page, LAUNCH).fill('');
			}
			wire.mend();
			await gone(page.getByText('Reconnecting'));
		},
	},
	{
		name: 'refused',
		async during(page, _, shoot) {
			const json = { detail: 'you may read this channel, not write in it', code: 'forbidden' };
			await page.route('**/messages/post', (route) => route.fulfill({ status: 403, json }));
			await post(page, 'I can be there at nine, with the printed cards.');
			await seen(page.getByText('Not sent.'));
			await shoot();
			await page.getByRole('button', { name: 'Delete', exact: true }).click();
			await page.unroute('**/messages/post');
		},
	},
];
const LAUNCH = 'Message #launch';

/** With the button, which a finger uses too. */
async function post(page, text) {
	await composer(page, LAUNCH).fill(text);
	await page.getByRole('button', { name: 'Send', exact: true }).click();
}

/** Fonts and pictures are there. */
async function settled(page) {
	await page.waitForLoadState('networkidle').catch(() => undefined);
	await page.evaluate(async () => {
		await document.fonts.ready;
		await Promise.all([...document.images].map((image) => image.decode().catch(() => undefined)));
	});
}

async function main() {
	await mkdir(FOLDER, { recursive: true });
	const server = await Server.start({ arguments: ['--demo'] });
	const browser = await launch();
	const wire = await Wire.to(server.url);
	try {
		const account = firstAccount(server);
		for (const colorScheme of THEMES)
			for (const { sizes, options } of DEVICES) {
				const person = await Person.arrive(browser, 'Demo', wire.url, { ...options, colorScheme });
				const page = await person.open('/');
				await seen(page.getByRole('heading', { name: /Sign in/ }));
				await shoot(page, 'sign-in', sizes, colorScheme);
				await page.getByLabel('Email').fill(account.email);
				await page.getByLabel('Password', { exact: true }).fill(account.password);
				await page.getByRole('button', { name: 'Sign in', exact: true }).click();
				await seen(sidebar(page));
				for (const { name, open } of PAGES) {
					await open(page);
					await shoot(page, name, sizes, colorScheme);
				}
				for (const { name, during } of TROUBLES) {
					await openRow(page, 'Channels', /^launch/);
					await during(page, wire, () => shoot(page, name, sizes, colorScheme));
				}
				await person.context.close();
			}
	} finally {
		await browser.close();
		await wire.close();
		await server.remove();
	}
}

async function shoot(page, name, sizes, theme) {
	for (const [width, size] of Object.entries(sizes)) {
		await page.setViewportSize(size);
		await settled(page);
		const path = join(FOLDER, `${name}-${width}-${theme}.png`);
		await page.screenshot({ path, animations: 'disabled' });
		console.log(path);
	}
}

await main();
