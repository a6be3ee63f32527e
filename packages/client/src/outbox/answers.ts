/**
 * Who waits for the answer of a command, and who hears of every answer.
 */
import type { Clock } from '../clock.ts';
import { ApiError } from '../errors.ts';
import { guarded } from '../guarded.ts';
import type { Entry } from './machine.ts';
import type { Json, Row } from './row.ts';

/** How many answers are remembered for those who ask a moment later. */
const REMEMBERED = 100;
/** How long another tab may take to say how a command ended that it removed, in milliseconds. */
const MISSED_MS = 2_000;

interface Waiting {
	promise: Promise<Json>;
	resolve: (answer: Json) => void;
	reject: (error: unknown) => void;
	/** It is not kept any more, and nobody has said yet how it ended. */
	isMissed: boolean;
}

export class Answers {
	readonly #clock: Clock;
	readonly #told = new Set<(sent: { entry: Entry; answer: Json }) => void>();
	readonly #waiting = new Map<string, Waiting>();
	readonly #recent = new Map<string, Json>();

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	onSent(told: (sent: { entry: Entry; answer: Json }) => void): () => void {
		this.#told.add(told);
		return () => void this.#told.delete(told);
	}

	/** The answer of a command that is kept, or was done just now. Call `settle` after it. */
	of(id: string): Promise<Json> {
		const recent = this.#recent.get(id);
		if (recent !== undefined) return Promise.resolve(recent);
		const waiting = this.#waiting.get(id);
		if (waiting) return waiting.promise;
		let resolve!: Waiting['resolve'];
		let reject!: Waiting['reject'];
		const promise = new Promise<Json>((done, failed) => {
			resolve = done;
			reject = failed;
		});
		this.#waiting.set(id, { promise, resolve, reject, isMissed: false });
		return promise;
	}

	tell(entry: Entry, answer: Json): void {
		this.#recent.set(entry.id, answer);
		for (const id of this.#recent.keys()) {
			if (this.#recent.size <= REMEMBERED) break;
			this.#recent.delete(id);
		}
		this.#waiting.get(entry.id)?.resolve(answer);
		this.#waiting.delete(entry.id);
		for (const told of [...this.#told]) guarded(() => told({ entry, answer }));
	}

	/** Nobody waits for what failed, or is not kept any more, unless another tab is about to say how it ended. */
	settle(rows: readonly Row[]): void {
		if (this.#waiting.size === 0) return;
		const kept = new Map(rows.map((row) => [row.id, row]));
		for (const [id, waiting] of this.#waiting) {
			const row = kept.get(id);
			if (row?.state === 'failed') {
				this.#reject(id, new ApiError(row.status ?? 0, row.code ?? '', row.reason ?? ''));
			} else if (!row && !waiting.isMissed) {
				waiting.isMissed = true;
				this.#clock.after(MISSED_MS, () => this.givenUp(id));
			}
		}
	}

	givenUp(id: string): void {
		this.#reject(id, new GivenUp());
	}

	#reject(id: string, error: Error): void {
		this.#waiting.get(id)?.reject(error);
		this.#waiting.delete(id);
	}
}

/** The command was deleted before it was done, or is not here. */
export class GivenUp extends Error {
	override name = 'GivenUp';
	constructor() {
		super('This was not sent.');
	}
}
