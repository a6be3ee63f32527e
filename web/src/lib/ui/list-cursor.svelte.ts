/**
 * Which line of a list the keyboard stands on, while the focus stays in a text field above it (the combobox pattern:
 * `aria-activedescendant`). The list may change under it; the cursor then stays inside.
 */
export class ListCursor {
	readonly #count: () => number;
	#at = $state(0);

	/** @param count how many lines there are now */
	constructor(count: () => number) {
		this.#count = count;
	}

	/** The line, or -1 for an empty list. */
	get at(): number {
		return Math.min(this.#at, this.#count() - 1);
	}

	set at(line: number) {
		this.#at = line;
	}

	/** Moves if the key moves; true if it did. */
	key(event: KeyboardEvent): boolean {
		const count = this.#count();
		if (count === 0 || event.altKey || event.ctrlKey || event.metaKey) return false;
		if (event.key === 'ArrowDown') this.#at = (this.at + 1) % count;
		else if (event.key === 'ArrowUp') this.#at = (this.at - 1 + count) % count;
		else if (event.key === 'PageDown') this.#at = Math.min(this.at + 8, count - 1);
		else if (event.key === 'PageUp') this.#at = Math.max(this.at - 8, 0);
		else return false;
		event.preventDefault();
		return true;
	}
}

/** Keeps the marked line in sight: `{@attach inSight(selected)}`. */
export function inSight(selected: boolean) {
	return (line: HTMLElement) => {
		if (selected) line.scrollIntoView({ block: 'nearest' });
	};
}
