/**
 * For tests of stores: a connection whose views fetch at once and hear what the test tells them, in order. It does not
 * model breaks; those are the client library's own tests.
 */
import type { NumberedEvent, ServerEvent, Snapshot, ViewOptions, ViewState } from '@tidings/client';
import type { Live } from './followed.svelte';

class FakeView<T> {
	state: ViewState = { phase: 'unknown' };
	#buffer: NumberedEvent[] | null = null;
	#again = false;

	constructor(readonly options: ViewOptions<T>) {}

	open(): void {
		if (this.state.phase === 'unknown') this.reload();
	}

	reload(): void {
		if (this.#buffer) this.#again = true;
		else void this.#load();
	}

	close(): void {
		this.#say({ phase: 'unknown' });
	}

	hears(room: string): boolean {
		const { rooms } = this.options;
		if (this.state.phase === 'unknown') return false;
		return typeof rooms === 'function' ? rooms(room) : rooms.includes(room);
	}

	tell(event: NumberedEvent): void {
		if (this.#buffer) this.#buffer.push(event);
		else if (this.state.phase === 'live') this.options.apply(event);
	}

	async #load(): Promise<void> {
		this.#buffer = [];
		this.#say({ phase: this.state.phase === 'live' ? 'repairing' : 'loading' });
		try {
			const { body } = await this.options.load(new AbortController().signal);
			this.options.replace(body);
			const heard = this.#buffer;
			this.#buffer = null;
			this.#say({ phase: 'live' });
			for (const event of heard) this.options.apply(event);
		} catch (error) {
			this.#buffer = null;
			this.#say({ phase: 'failed', error });
		}
		if (!this.#again) return;
		this.#again = false;
		this.reload();
	}

	#say(state: ViewState): void {
		this.state = state;
		this.options.onState?.(state);
	}
}

export class FakeLive implements Live {
	#views: FakeView<never>[] = [];
	#seq = 0;

	view<T>(options: ViewOptions<T>): FakeView<T> {
		const view = new FakeView(options);
		this.#views.push(view as unknown as FakeView<never>);
		return view;
	}

	/** A numbered event of a room reaches every view that follows the room. */
	tell(room: string, event: { name: ServerEvent['name']; payload: object }): void {
		const seq = ++this.#seq;
		const numbered = { name: event.name, payload: { ...event.payload, room, seq, at: seq } } as NumberedEvent;
		for (const view of this.#views) if (view.hears(room)) view.tell(numbered);
	}

	/** All views fetch again, as after a break that was too long. */
	lose(): void {
		for (const view of this.#views) if (view.state.phase !== 'unknown') view.reload();
	}
}

/** A snapshot without positions. */
export function snapshotOf<T>(body: T): Snapshot<T> {
	return { body, heads: {} };
}

/** Lets every promise that is settled be heard. */
export async function settled(): Promise<void> {
	for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}
