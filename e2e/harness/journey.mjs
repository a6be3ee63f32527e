/**
 * A journey: a server of its own, people who arrive when the story needs them, and steps told in order. The first step
 * that fails ends the story; pictures of every open tab and the end of the server's log are left in `target/e2e`. What
 * axe finds on the way is gathered, so that one run shows all of it, and fails the journey at its end.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { Person, launch, violations } from './browser.mjs';
import { ROOT, Server } from './server.mjs';

const LEFT_BEHIND = join(ROOT, 'target/e2e');

/**
 * @param {string} name
 * @param {(story: { server: Server, arrive: Function, step: Function, audit: Function }) => Promise<void>} tell
 */
export function journey(name, tell, serverOptions = {}) {
	test(name, { timeout: 240_000 }, async (t) => {
		const server = await Server.start(serverOptions);
		let browser;
		const people = [];
		const faults = [];
		let failed;
		const audit = async (page, where) => {
			faults.push(...(await violations(page, where)));
		};
		const arrive = async (who, options) => {
			const person = await Person.arrive(browser, who, server.url, options);
			people.push(person);
			return person;
		};
		const step = async (title, act) => {
			if (failed) return;
			await t.test(title, async () => {
				try {
					await act();
				} catch (error) {
					failed = error;
					await leaveEvidence(name, people, server);
					throw error;
				}
			});
		};
		try {
			browser = await launch();
			await tell({ server, arrive, step, audit });
			await step('axe found nothing on any page', () => {
				if (faults.length > 0) throw new Error(faults.join('\n'));
			});
			await step('no page had an uncaught error', () => {
				const errors = people.flatMap((person) =>
					person.errors.map((error) => `${person.name}: ${error.stack}`),
				);
				if (errors.length > 0) throw new Error(errors.join('\n'));
			});
		} finally {
			await browser?.close();
			await server.remove();
		}
	});
}

async function leaveEvidence(name, people, server) {
	await mkdir(LEFT_BEHIND, { recursive: true });
	const base = join(LEFT_BEHIND, name.toLowerCase().replace(/\W+/g, '-'));
	await writeFile(`${base}.log`, server.log.join('\n'));
	for (const person of people) {
		for (const [index, page] of person.context.pages().entries()) {
			const path = `${base}-${person.name.toLowerCase()}-${index + 1}.png`;
			await page.screenshot({ path }).catch((error) => console.error(`no picture: ${error.message}`));
		}
	}
	console.error(`${base}*: the server's log and pictures of every tab`);
	console.error(server.log.slice(-15).join('\n'));
}
