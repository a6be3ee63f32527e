/**
 * Chromium as people use it: one browser, a context for each person, as many tabs as they open. Every page is watched
 * for uncaught errors, and `accessible` runs axe on what is shown.
 */
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const PATIENCE_MS = 15_000;
/** A name of this machine that no browser takes for a secure origin, as it takes `127.0.0.1`. */
export const PLAIN_HOST = 'tidings.test';
const FLAGS = [
	`--host-resolver-rules=MAP ${PLAIN_HOST} 127.0.0.1`,
	'--disable-gpu',
	'--disable-quic',
	'--no-first-run',
	'--disable-background-networking',
	'--disable-component-update',
	'--disable-sync',
];

/** The system's Chromium; as root it cannot have its sandbox. */
export function launch() {
	return chromium.launch({
		executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
		chromiumSandbox: process.getuid?.() !== 0,
		args: FLAGS,
	});
}

/** One person: a name, an account that may not exist yet, and tabs that share their cookies. */
export class Person {
	/** Uncaught errors of all their pages. */
	errors = [];

	constructor(name, context) {
		this.name = name;
		this.email = `${name.toLowerCase().replace(/\W+/g, '.')}@example.com`;
		this.context = context;
	}

	static async arrive(browser, name, baseURL, options = {}) {
		const context = await browser.newContext({
			baseURL,
			// Without this the page's own policy keeps axe out.
			bypassCSP: true,
			serviceWorkers: 'block',
			reducedMotion: 'reduce',
			locale: 'en-GB',
			viewport: { width: 1440, height: 900 },
			...options,
		});
		context.setDefaultTimeout(PATIENCE_MS);
		const person = new Person(name, context);
		context.on('page', (page) => page.on('pageerror', (error) => person.errors.push(error)));
		return person;
	}

	/** A new tab at this path. */
	async open(path = '/') {
		const page = await this.context.newPage();
		await page.goto(path);
		return page;
	}
}

/** Waits until nothing fades or moves any more; what never ends, such as a spinner, is not waited for. */
async function settled(page) {
	await page.evaluate(async () => {
		const passing = () =>
			document
				.getAnimations()
				.filter(({ playState }) => playState === 'running')
				.filter(({ effect }) => Number.isFinite(effect?.getComputedTiming().endTime));
		for (let moving = passing(); moving.length > 0; moving = passing()) {
			await Promise.allSettled(moving.map(({ finished }) => finished));
		}
	});
}

/**
 * Every rule of WCAG 2.2 AA (and of axe's best practices) that the shown page breaks, as text; empty if none. Colours are
 * judged where they end: half way from a disabled button's to an enabled one's nothing can be read.
 */
export async function violations(page, where) {
	if (!(await page.evaluate(() => 'axe' in globalThis))) await page.addScriptTag({ path: AXE });
	await settled(page);
	const found = await page.evaluate(async () => {
		const { violations } = await globalThis.axe.run(document, { resultTypes: ['violations'] });
		return violations.map(({ id, impact, help, nodes }) => ({
			rule: `${id} (${impact}): ${help}`,
			places: nodes.slice(0, 5).map((node) => `${node.target.join(' ')}: ${node.failureSummary}`),
		}));
	});
	return found.map(({ rule, places }) => `${where}: ${rule}\n    ${places.join('\n    ')}`);
}
