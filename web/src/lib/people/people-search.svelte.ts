/**
 * People found by name on the server, as one types: the newest question wins, and a short pause saves the ones between.
 */
import type { Api, UserSummary } from '@tidings/client';

const PAUSE_MS = 150;

export class PeopleSearch {
	readonly #api: Pick<Api['people'], 'search'>;
	#found = $state.raw<UserSummary[]>([]);
	#busy = $state(false);
	#failed = $state(false);
	#asked = 0;
	#timer: ReturnType<typeof setTimeout> | undefined;

	constructor(api: Pick<Api['people'], 'search'>) {
		this.#api = api;
	}

	get found(): readonly UserSummary[] {
		return this.#found;
	}
	get busy() {
		return this.#busy;
	}
	get failed() {
		return this.#failed;
	}

	ask(query: string): void {
		clearTimeout(this.#timer);
		const number = ++this.#asked;
		this.#busy = true;
		this.#timer = setTimeout(() => void this.#fetch(query, number), query === '' ? 0 : PAUSE_MS);
	}

	stop(): void {
		clearTimeout(this.#timer);
		this.#asked += 1;
	}

	async #fetch(query: string, number: number): Promise<void> {
		const answer = await this.#api.search(query.trim()).catch(() => null);
		if (number !== this.#asked) return;
		this.#busy = false;
		this.#failed = answer === null;
		if (answer) this.#found = answer.users;
	}
}
