/**
 * Choosing people: found by name on the server as one types, picked, and then something is done with them.
 */
import type { Api, UserSummary } from '@tidings/client';
import type { Pickable } from '../ui/people';

const PAUSE_MS = 150;

/** The newest question wins, and a short pause saves the ones between. */
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

/** Who is picked in a dialog, and what became of it. Call `begin` whenever the dialog closes: it opens empty. */
export class PeopleForm {
	picked = $state<Pickable[]>([]);
	#busy = $state(false);
	#error = $state<string>();

	get busy() {
		return this.#busy;
	}
	/** Why it could not be done, as a sentence. */
	get error() {
		return this.#error;
	}

	begin(): void {
		this.picked = [];
		this.#error = undefined;
	}

	/** Does it once, with those who are picked; `otherwise` is said of a failure that says nothing itself. */
	async submit(act: (people: readonly Pickable[]) => Promise<void>, otherwise: string): Promise<void> {
		if (this.#busy || this.picked.length === 0) return;
		this.#busy = true;
		this.#error = undefined;
		try {
			await act(this.picked);
		} catch (cause) {
			this.#error = cause instanceof Error ? cause.message : otherwise;
		}
		this.#busy = false;
	}
}
