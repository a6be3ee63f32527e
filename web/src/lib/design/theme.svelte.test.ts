import { afterEach, beforeEach, expect, test, vi } from 'vitest';

let systemDark = false;
let systemChanged: (event: { matches: boolean }) => void = () => {};

/** A fresh module, as after a page load. */
async function load() {
	vi.resetModules();
	return (await import('./theme.svelte')).theme;
}

beforeEach(() => {
	localStorage.clear();
	systemDark = false;
	vi.stubGlobal('matchMedia', () => ({
		matches: systemDark,
		addEventListener: (_: string, listener: typeof systemChanged) => (systemChanged = listener),
	}));
});

afterEach(() => vi.unstubAllGlobals());

test('follows the system until somebody chooses', async () => {
	systemDark = true;
	const theme = await load();
	expect([theme.choice, theme.shown]).toEqual(['system', 'dark']);
	systemChanged({ matches: false });
	expect(theme.shown).toBe('light');
	expect(document.documentElement.dataset.theme).toBe('light');
});

test('a choice is kept, shown at once, and can be given back', async () => {
	const theme = await load();
	theme.choose('dark');
	expect(document.documentElement.dataset.theme).toBe('dark');
	expect((await load()).choice).toBe('dark');
	theme.choose('system');
	expect((await load()).choice).toBe('system');
	expect(document.documentElement.dataset.theme).toBe('light');
});

test('a choice made in another tab is followed', async () => {
	const theme = await load();
	localStorage.setItem('theme', 'dark');
	window.dispatchEvent(new StorageEvent('storage', { key: 'theme', newValue: 'dark' }));
	expect(theme.choice).toBe('dark');
	expect(document.documentElement.dataset.theme).toBe('dark');
});

test('works where storage is forbidden', async () => {
	vi.stubGlobal('localStorage', {
		getItem: () => {
			throw new Error('forbidden');
		},
		setItem: () => {
			throw new Error('forbidden');
		},
		removeItem: () => {
			throw new Error('forbidden');
		},
	});
	const theme = await load();
	theme.choose('dark');
	expect(theme.shown).toBe('dark');
});
