/**
 * Content of the server as a page shows it: fetched once, kept whole by events, and fetched again in place. What is on
 * screen stays there meanwhile; before the first answer it is loading, or failed with a way to try again.
 */
import type { ViewOptions, ViewState } from '@tidings/client';

/** What a store needs of the connection. */
export interface Live {
	view<T>(options: ViewOptions<T>): { open(): void; reload(): void; close(): void };
}

export type Stage = 'loading' | 'ready' | 'failed';

interface Waiter {
	/** Answered by this fetch or a later one. */
	from: number;
	done: () => void;
}

export class Followed<T> {
	readonly #live: Live;
	readonly #options: ViewOptions<T>;
	/** None while it is closed: a view ends for good. */
	#view: ReturnType<Live['view']> | null = null;
	#stage = $state<Stage>('loading');
	#error = $state.raw<unknown>(undefined);
	#isFetchingAgain = $state(false);
	#started = 0;
	#answered = 0;
	#waiters: Waiter[] = [];

	constructor(live: Live, options: Omit<ViewOptions<T>, 'onState'>) {
		this.#live = live;
		this.#options = {
			...options,
			load: async (signal) => {
				const number = ++this.#started;
				const snapshot = await options.load(signal);
				this.#answered = Math.max(this.#answered, number);
				return snapshot;
			},
			replace: (body) => {
				options.replace(body);
				this.#stage = 'ready';
				this.#error = undefined;
				this.#settle(this.#answered);
			},
			onState: (state) => this.#changed(state),
		};
	}

	get stage(): Stage {
		return this.#stage;
	}

	/** Why it could not be fetched, the last time that was tried. */
	get error(): unknown {
		return this.#error;
	}

	/** It is on screen, and what was missed is on its way. */
	get isFetchingAgain(): boolean {
		return this.#isFetchingAgain;
	}

	/** Fetches, and follows from there; what was known before is on screen until the answer is here. */
	open(): void {
		if (this.#view) return;
		this.#view = this.#live.view(this.#options);
		this.#view.open();
	}

	/** Fetches again; resolves when that is done or has failed. Nothing is fetched while it is closed. */
	reload(): Promise<void> {
		const view = this.#view;
		if (!view) return Promise.resolve();
		return new Promise((done) => {
			this.#waiters.push({ from: this.#started + 1, done });
			view.reload();
		});
	}

	/** For the button of an error: back to loading, at once. */
	retry(): void {
		if (this.#stage === 'failed') this.#stage = 'loading';
		this.#error = undefined;
		void this.reload();
	}

	close(): void {
		const view = this.#view;
		this.#view = null;
		view?.close();
		this.#isFetchingAgain = false;
		this.#settle(Number.POSITIVE_INFINITY);
	}

	#changed({ phase, error }: ViewState): void {
		if (!this.#view) return;
		this.#isFetchingAgain = this.#stage === 'ready' && phase === 'repairing';
		if (error === undefined) return;
		this.#error = error;
		if (this.#stage !== 'ready') this.#stage = 'failed';
		this.#settle(Number.POSITIVE_INFINITY);
	}

	#settle(answered: number): void {
		const done = this.#waiters.filter((waiter) => waiter.from <= answered);
		this.#waiters = this.#waiters.filter((waiter) => waiter.from > answered);
		for (const waiter of done) waiter.done();
	}
}
