/**
 * Time and chance as arguments, so that every wait in this package can be tested without waiting.
 */

export interface Clock {
	/** Milliseconds since the Unix epoch. */
	now(): number;
	/** Runs once, later. The answer cancels. */
	after(ms: number, run: () => void): () => void;
}

export const systemClock: Clock = {
	now: () => Date.now(),
	after: (ms, run) => {
		const timer = setTimeout(run, ms);
		return () => clearTimeout(timer);
	},
};

/** A number in [0, 1), as `Math.random` gives it. */
export type Chance = () => number;

/**
 * How long to wait before attempt number `attempt` (1 is the first that follows a failure), in milliseconds: doubles up
 * to `most`, and is spread over half to one and a half of that, so that many clients do not return at once.
 */
export function backoff(attempt: number, first: number, most: number, chance: Chance): number {
	const base = Math.min(most, first * 2 ** Math.min(Math.max(attempt - 1, 0), 30));
	return Math.round(base * (0.5 + chance()));
}

/** One deadline at a time over a clock: setting it again forgets the one before. */
export class Alarm {
	readonly #clock: Clock;
	readonly #run: () => void;
	#cancel: (() => void) | undefined;
	#at: number | null = null;

	constructor(clock: Clock, run: () => void) {
		this.#clock = clock;
		this.#run = run;
	}

	/** Milliseconds since the epoch; null for none. */
	set(at: number | null): void {
		if (at === this.#at) return;
		this.#cancel?.();
		this.#cancel = undefined;
		this.#at = at;
		if (at === null) return;
		this.#cancel = this.#clock.after(Math.max(0, at - this.#clock.now()), () => {
			this.#at = null;
			this.#cancel = undefined;
			this.#run();
		});
	}
}
