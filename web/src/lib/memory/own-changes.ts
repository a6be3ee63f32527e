/**
 * Which changes of blocks this tab made itself, so that it does not report them to the one who just made them. The event
 * may come before the answer that tells the version; until then it is held.
 */
export interface Change {
	block_id: string;
	version: number;
}

/** How many of our own changes are remembered until their events come. */
const REMEMBERED = 50;

export class OwnChanges<T extends Change> {
	readonly #tell: (change: T) => void;
	#running = 0;
	#own = new Set<string>();
	#held: T[] = [];

	constructor(tell: (change: T) => void) {
		this.#tell = tell;
	}

	/** Runs what changes a block; its result says which version that made, 0 if it is gone. */
	async run<R>(work: () => Promise<R>, made: (result: R) => Change): Promise<R> {
		this.#running += 1;
		try {
			const result = await work();
			this.#remember(made(result));
			return result;
		} finally {
			this.#running -= 1;
			if (this.#running === 0) for (const change of this.#held.splice(0)) this.heard(change);
		}
	}

	/** A change was reported: passes it on if it is not ours. */
	heard(change: T): void {
		if (this.#running > 0) {
			this.#held.push(change);
			return;
		}
		if (!this.#own.delete(keyOf(change))) this.#tell(change);
	}

	#remember(change: Change): void {
		this.#own.add(keyOf(change));
		for (const oldest of this.#own) {
			if (this.#own.size <= REMEMBERED) break;
			this.#own.delete(oldest);
		}
	}
}

function keyOf({ block_id, version }: Change): string {
	return `${block_id} ${version}`;
}
