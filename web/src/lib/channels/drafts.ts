/** What was written and not sent, per channel or chat. Kept over a reload of the tab, gone with the person. */
import { Kept } from '../shell/kept';

export class Drafts {
	readonly #kept: Kept;

	constructor(personId: string) {
		this.#kept = new Kept('drafts', personId);
	}

	get(place: string): string {
		return this.#kept.get(place) ?? '';
	}

	set(place: string, text: string): void {
		this.#kept.set(place, text === '' ? null : text);
	}

	clear(): void {
		this.#kept.clear();
	}
}
