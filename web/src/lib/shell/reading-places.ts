/** Where one was reading in each channel and chat of this tab, to come back to: after another page, a reload, or Back. */
import { Kept } from './kept';
import type { Spot } from './scroll-keeper.svelte';

/** A spot with the number of its message, so that enough history can be fetched; 0 where there are no numbers. */
export interface ReadingPlace extends Spot {
	no: number;
}

export class ReadingPlaces {
	readonly #kept: Kept;

	constructor(personId: string) {
		this.#kept = new Kept('places', personId);
	}

	get(place: string): ReadingPlace | null {
		try {
			const found = JSON.parse(this.#kept.get(place) ?? 'null') as ReadingPlace | null;
			return found && typeof found.key === 'string' && Number.isFinite(found.top) ? found : null;
		} catch {
			return null;
		}
	}

	/** Null: at the end, where every place begins. */
	set(place: string, spot: ReadingPlace | null): void {
		this.#kept.set(place, spot && JSON.stringify(spot));
	}

	clear(): void {
		this.#kept.clear();
	}
}
