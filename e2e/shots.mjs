/**
 * The pictures of the documents: a demo workspace, photographed at the three widths that count, in both themes.
 * `cargo xtask shots` builds everything and calls this; the files go to `docs/screenshots`.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { seen, sidebar } from './harness/app.mjs';
import { Person, launch } from './harness/browser.mjs';
import { ROOT, Server } from './harness/server.mjs';

const FOLDER = join(ROOT, 'docs/screenshots');
const SIZES = {
	1440: { width: 1440, height: 900 },
	1024: { width: 1024, height: 768 },
	390: { width: 390, height: 844 },
};
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
	try {
		const account = firstAccount(server);
		for (const theme of THEMES) {
			const person = await Person.arrive(browser, 'Demo', server.url, { colorScheme: theme });
			const page = await person.open('/');
			await shoot(page, 'sign-in', 1440, theme);
			await page.getByLabel('Email').fill(account.email);
			await page.getByLabel('Password', { exact: true }).fill(account.password);
			await page.getByRole('button', { name: 'Sign in', exact: true }).click();
			await seen(sidebar(page));
			for (const { name, open } of PAGES) {
				await page.setViewportSize(SIZES[1440]);
				await open(page);
				for (const width of Object.keys(SIZES)) await shoot(page, name, width, theme);
			}
			await person.context.close();
		}
	} finally {
		await browser.close();
		await server.remove();
	}
}

async function shoot(page, name, width, theme) {
	await page.setViewportSize(SIZES[width]);
	await settled(page);
	const path = join(FOLDER, `${name}-${width}-${theme}.png`);
	await page.screenshot({ path, animations: 'disabled' });
	console.log(path);
}

await main();
