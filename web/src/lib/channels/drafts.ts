/** What was written and not sent, per channel or chat. In memory only: gone with the tab and with the person. */
export class Drafts {
	#texts = new Map<string, string>();

	get(place: string): string {
		return this.#texts.get(place) ?? '';
	}

	set(place: string, text: string): void {
		if (text === '') this.#texts.delete(place);
		else this.#texts.set(place, text);
	}
}
