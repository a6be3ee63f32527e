/**
 * What a person has on the screen, as a screen reader tells it, so that two tabs can be compared. Left out is what may
 * differ between a tab that has been open for long and one that was opened now: where "New" begins, where the keyboard
 * is, and how long ago something was.
 */
import assert from 'node:assert/strict';
import { sidebar } from './app.mjs';

const PATIENCE_MS = 15_000;
const PAUSE_MS = 150;

/**
 * The rule itself; the button that leads there; and the name and time below it, which are in the name of every article
 * and are written out only where a part begins.
 */
const LEFT_OUT = [
	/^ *- separator "New"\n/gm,
	/^ *- button "\d+ new messages?"\n/gm,
	/^ *- text: .*\n *- time: "?\d\d:\d\d"?\n/gm,
];

/** The sidebar with its badges, and the page: header, messages, members, memory. */
export async function screenOf(page) {
	const parts = await Promise.all([sidebar(page).ariaSnapshot(), page.getByRole('main').ariaSnapshot()]);
	let screen = parts.join('\n');
	for (const one of LEFT_OUT) screen = screen.replaceAll(one, '');
	return screen
		.replaceAll(/ \[(active|cursor=pointer)\]/g, '')
		.replaceAll(/\b(just now|\d+ (second|minute|hour)s? ago)\b/g, 'ago');
}

/** Waits until both tabs show the same; fails with both screens if they never do. */
export async function showTheSame(one, other, where) {
	const until = Date.now() + PATIENCE_MS;
	for (;;) {
		const [here, there] = await Promise.all([screenOf(one), screenOf(other)]);
		if (here === there && isSettled(here)) return here;
		if (Date.now() > until) {
			assert.equal(here, there, where);
			assert.fail(`${where}: both tabs are still loading:\n${here}`);
		}
		await new Promise((done) => setTimeout(done, PAUSE_MS));
	}
}

/** Nothing is being loaded, reconnected or written. */
function isSettled(screen) {
	return !/Loading|On its way|Waiting to be sent|"writing"|text: writing/.test(screen);
}
