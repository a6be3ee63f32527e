/**
 * The web app in a person's words: sign up, go somewhere, say something, see it. Everything is found by role and name,
 * as a screen reader finds it, and waited for, never timed.
 */
import { PASSWORD } from './server.mjs';

/** Waits until this can be seen. */
export const seen = (locator) => locator.first().waitFor({ state: 'visible' });

/** Waits until none of this can be seen. */
export const gone = (locator) => locator.first().waitFor({ state: 'hidden' });

/** Signs up on the page one gets without an account; what is seen then is the workspace, or what the caller expects. */
export async function signUp(page, person, then = sidebar(page)) {
	const other = page.getByRole('button', { name: 'Create an account' });
	await seen(other.or(page.getByLabel('Name', { exact: true })));
	if (await other.isVisible()) await other.click();
	await page.getByLabel('Name', { exact: true }).fill(person.name);
	await page.getByLabel('Email').fill(person.email);
	await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
	await page.getByRole('button', { name: 'Create account' }).click();
	await seen(then);
}

/** Signs in on the page one gets after signing out. */
export async function signIn(page, person) {
	await page.getByLabel('Email').fill(person.email);
	await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
	await page.getByRole('button', { name: 'Sign in', exact: true }).click();
	await seen(sidebar(page));
}

/**
 * Waits on the first page until a model could be asked: the tab is connected, so what happens from here on arrives as it
 * happens and is not found in what the page fetches first.
 */
export const connected = (page) => seen(page.locator('[aria-description="Write something first"]'));

export const sidebar = (page) => page.getByRole('navigation', { name: 'Workspace' });

/** A row of the sidebar, whatever is said after its label. */
export const row = (page, label) => sidebar(page).getByRole('link', { name: new RegExp(`^${label}\\b`) });

/** The same row while it says that so many messages are unread. */
export const unreadRow = (page, label, count) =>
	sidebar(page).getByRole('link', { name: new RegExp(`^${label}\\b.*\\b${count} unread$`) });

/** The same row while it says nothing about unread messages. */
export const readRow = (page, label) => row(page, label).filter({ hasNotText: 'unread' });

export const composer = (page, label) => page.getByRole('textbox', { name: label });

/** Writes into the composer of the open page and sends it with Enter. */
export async function say(page, label, text) {
	await composer(page, label).fill(text);
	await composer(page, label).press('Enter');
}

/** A message of the open page. */
export const message = (page, text) => page.getByRole('article').filter({ hasText: text });

/** The answers of the open chat, the newest last. */
export const answers = (page) => page.getByRole('article', { name: /^Demo model/ });
