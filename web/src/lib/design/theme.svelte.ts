/**
 * Light, dark, or what the system says. `static/theme.js` sets it before the first paint; this class changes it later
 * and follows the system. The choice is kept in this browser, beside nothing secret.
 */
export type ThemeChoice = 'light' | 'dark' | 'system';

const KEY = 'theme';
const GROUND = { light: '#EDF0F0', dark: '#0E1314' };

class Theme {
	#choice = $state<ThemeChoice>(stored());
	#systemDark = $state(false);

	constructor() {
		if (typeof matchMedia === 'undefined') return;
		const query = matchMedia('(prefers-color-scheme: dark)');
		this.#systemDark = query.matches;
		query.addEventListener('change', (event) => {
			this.#systemDark = event.matches;
			this.#apply();
		});
		// Another tab chose.
		addEventListener('storage', (event) => {
			if (event.key !== KEY) return;
			this.#choice = stored();
			this.#apply();
		});
	}

	/** What the person chose. */
	get choice(): ThemeChoice {
		return this.#choice;
	}

	/** What is shown now. */
	get shown(): 'light' | 'dark' {
		if (this.#choice !== 'system') return this.#choice;
		return this.#systemDark ? 'dark' : 'light';
	}

	choose(choice: ThemeChoice): void {
		this.#choice = choice;
		try {
			if (choice === 'system') localStorage.removeItem(KEY);
			else localStorage.setItem(KEY, choice);
		} catch {
			// Storage may be forbidden: the choice then lasts as long as the tab.
		}
		this.#apply();
	}

	#apply(): void {
		document.documentElement.dataset.theme = this.shown;
		document.querySelector('meta[name="theme-color"]')?.setAttribute('content', GROUND[this.shown]);
	}
}

function stored(): ThemeChoice {
	try {
		const value = localStorage.getItem(KEY);
		return value === 'light' || value === 'dark' ? value : 'system';
	} catch {
		return 'system';
	}
}

export const theme = new Theme();
