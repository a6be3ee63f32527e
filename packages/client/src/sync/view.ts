/**
 * A view as applications use it: fetches when its machine wants a snapshot, and again after failures.
 */
import type { Snapshot } from '../as-of.ts';
import { Alarm, backoff, type Chance, type Clock } from '../clock.ts';
import { ApiError } from '../errors.ts';
import { guarded } from '../guarded.ts';
import type { NumberedEvent } from '../events.ts';
import type { RoomName } from '../types.ts';
import { ViewMachine, type AnyMachine, type ViewHost, type ViewPhase, type World } from './view-machine.ts';

export interface ViewOptions<T> {
	/** Rooms whose events change the content: by name, or a rule where they come and go. */
	rooms: readonly RoomName[] | ((room: RoomName) => boolean);
	load: (signal: AbortSignal) => Promise<Snapshot<T>>;
	/** Takes a snapshot as the truth. */
	replace: (body: T) => void;
	/** The next event of its room: in order, no hole, no repeat, and never before `replace`. */
	apply: (event: NumberedEvent) => void;
	onState?: (state: ViewState) => void;
	/** `always` for content that holds states too (presence, markers): fetched again at every coming back. */
	again?: 'when-missed' | 'always';
}

export interface ViewState {
	phase: ViewPhase;
	/** Why the last fetch failed; it is tried again unless the phase is `failed`. */
	error?: unknown;
}

/** A view, whatever its content is. */
export interface AnyView {
	readonly machine: AnyMachine;
	connected(): void;
	close(): void;
}

/** What a view needs to know of the client that it belongs to. */
export interface ViewContext {
	clock: Clock;
	chance: Chance;
	world: World;
	/** When the first connection may be waited for no longer, in milliseconds since the epoch. */
	waitsUntil: () => number;
	closed: (view: AnyView) => void;
}

const LOAD_TIMEOUT_MS = 30_000;
const FIRST_WAIT_MS = 300;
const LONGEST_WAIT_MS = 10_000;

export class View<T> implements ViewHost<T>, AnyView {
	readonly machine: ViewMachine<T>;
	readonly #options: ViewOptions<T>;
	readonly #context: ViewContext;
	readonly #alarm: Alarm;
	#load: AbortController | null = null;
	#isWanted = false;
	#isAskedAgain = false;
	/** Snapshots in a row that failed or did not fit. */
	#failures = 0;
	#error: unknown = undefined;
	#told: ViewState = { phase: 'unknown' };

	constructor(options: ViewOptions<T>, context: ViewContext) {
		this.#options = options;
		this.#context = context;
		this.machine = new ViewMachine(options.rooms, this);
		this.#alarm = new Alarm(context.clock, () => this.#begin());
	}

	get state(): ViewState {
		return this.#error === undefined
			? { phase: this.machine.phase }
			: { phase: this.machine.phase, error: this.#error };
	}

	/** Starts to follow; nothing is fetched before. */
	open(): void {
		this.machine.open();
	}

	/** Fetches again; what is shown stays. Asked for during a fetch, it fetches once more afterwards, however often. */
	reload(): void {
		if (this.#load !== null) {
			this.#isAskedAgain = true;
			return;
		}
		this.#failures = 0;
		this.machine.reload();
	}

	/** Forgets the content and stops following it. */
	close(): void {
		this.machine.close();
		this.#context.closed(this);
	}

	/** Events follow again: what waits for another try is tried now, and states are fetched again. */
	connected(): void {
		if (this.#isWanted && this.#load === null) this.#soon(0);
		else if (this.#options.again === 'always' && this.machine.phase === 'live') this.machine.reload();
	}

	want(): void {
		this.#load?.abort();
		this.#load = null;
		this.#isWanted = true;
		this.#soon(this.#failures === 0 ? 0 : this.#wait());
	}

	unwant(): void {
		this.#load?.abort();
		this.#load = null;
		this.#isWanted = false;
		this.#failures = 0;
		this.#error = undefined;
		this.#alarm.set(null);
	}

	replace(body: T): void {
		guarded(() => this.#options.replace(body));
	}

	apply(event: NumberedEvent): void {
		guarded(() => this.#options.apply(event));
	}

	changed(): void {
		const { state } = this;
		if (state.phase === this.#told.phase && state.error === this.#told.error) return;
		this.#told = state;
		guarded(() => this.#options.onState?.(state));
	}

	#wait(): number {
		return backoff(this.#failures, FIRST_WAIT_MS, LONGEST_WAIT_MS, this.#context.chance);
	}

	#soon(ms: number): void {
		const { clock, world, waitsUntil } = this.#context;
		const now = clock.now();
		this.#alarm.set(Math.max(now + ms, world.epoch === 0 ? waitsUntil() : 0));
	}

	#begin(): void {
		const { clock, world } = this.#context;
		const load = new AbortController();
		this.#load = load;
		this.#isAskedAgain = false;
		const cancel = clock.after(LOAD_TIMEOUT_MS, () => load.abort(new Error('The server did not answer in time.')));
		this.machine.begun(world);
		const asked = new Promise<Snapshot<T>>((resolve, reject) => {
			load.signal.addEventListener('abort', () => reject(load.signal.reason));
			this.#options.load(load.signal).then(resolve, reject);
		});
		void asked
			.then(
				(snapshot) => this.#load === load && this.#arrived(snapshot),
				(error: unknown) => this.#load === load && this.#failed(error),
			)
			.finally(cancel);
	}

	#arrived({ body, heads }: Snapshot<T>): void {
		this.#load = null;
		this.#isWanted = false;
		this.#failures += 1; // In case it does not fit and is wanted again.
		this.#error = undefined;
		this.machine.loaded(body, heads, this.#context.world);
		if (!this.#isWanted) this.#failures = 0;
		this.changed();
		if (this.#isAskedAgain && !this.#isWanted) this.machine.reload();
	}

	#failed(error: unknown): void {
		this.#load = null;
		this.#failures += 1;
		this.#error = error;
		if (isFinal(error)) {
			this.#isWanted = false;
			this.#failures = 0;
			return this.machine.refused();
		}
		this.#soon(this.#wait());
		this.changed();
	}
}

/** Whether asking again would be answered in the same way. */
function isFinal(error: unknown): boolean {
	if (!(error instanceof ApiError)) return false;
	return error.status >= 400 && error.status < 500 && ![408, 425, 429].includes(error.status);
}
