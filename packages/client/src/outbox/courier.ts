/**
 * Carries commands to the server: when the connection is live, while no other tab does, a few at once, and again when
 * something that waits is due. Which and when is decided in `machine.ts`.
 */
import { Alarm, type Chance, type Clock } from '../clock.ts';
import { after, claimed, due, mustAsk, next, reconnected, revived, type Gate, type Outcome } from './machine.ts';
import type { Json, Row } from './row.ts';
import { beyondMemory, type Sender } from './send.ts';
import type { Shelf } from './shelf.ts';
import type { Change } from './store.ts';
import type { Tabs } from './tabs.ts';

export interface CourierParts {
	shelf: Shelf;
	tabs: Tabs;
	sender: Sender;
	token: () => string | null;
	clock: Clock;
	chance: Chance;
}

export interface CourierHost {
	gate(): Gate;
	/** It was done, and is about to be removed. */
	isDone(row: Row, answer: Json): void;
	/** It was removed. */
	sent(row: Row, answer: Json): void;
	/** Rows changed. */
	changed(): void;
	/** The server did not take this token. */
	refused(token: string | null): void;
}

/** How often a closed gate is looked at: a token may have been renewed. */
const LOOK_EVERY_MS = 15_000;
/** How long a store that refused is left alone. */
const PAUSE_MS = 5_000;

export class Courier {
	readonly #parts: CourierParts;
	readonly #host: CourierHost;
	readonly #alarm: Alarm;
	#flights = new AbortController();
	#isUnderWay = false;
	/** The connection came back since anything was last taken from the shelf. */
	#isBack = false;
	#isClosed = false;
	#nudge: () => void = () => {};

	constructor(parts: CourierParts, host: CourierHost) {
		this.#parts = parts;
		this.#host = host;
		this.#alarm = new Alarm(parts.clock, () => this.go());
	}

	/** The connection is back: what met silence is due at once. */
	back(): void {
		this.#isBack = true;
	}

	/** Something changed: sends what may go now, or sets the alarm for what is due later. */
	go(): void {
		if (this.#isClosed || this.#isUnderWay) return this.#nudge();
		const { clock, shelf, tabs } = this.#parts;
		const gate = this.#host.gate();
		const at = due(shelf.rows);
		// Another tab's, or one that died: whoever gets the turn finds out.
		const isStale = shelf.rows.some((row) => row.state === 'sending');
		if (!gate.isLive || (at === null && !isStale)) return this.#alarm.set(null);
		if (!gate.isSignedIn) return this.#alarm.set(clock.now() + LOOK_EVERY_MS);
		if (!isStale && !this.#isBack && at !== null && at > clock.now()) return this.#alarm.set(at);
		this.#isUnderWay = true;
		void tabs
			.alone(() => this.#sendAll())
			.then(
				() => 0,
				// A store that refuses is not asked without end.
				() => PAUSE_MS,
			)
			.then((pause) => {
				this.#isUnderWay = false;
				this.#rest(pause);
			});
	}

	/** What is on the wire is given up; what it was stays as it is. */
	abort(): void {
		this.#flights.abort();
		this.#flights = new AbortController();
	}

	close(): void {
		this.#isClosed = true;
		this.#alarm.set(null);
		this.#flights.abort();
		this.#nudge();
	}

	#rest(pause: number): void {
		if (this.#isClosed) return;
		const { clock, shelf } = this.#parts;
		const now = clock.now();
		const again = due(shelf.rows) ?? now;
		if (next(shelf.rows, this.#host.gate(), now).length > 0) this.#alarm.set(now + pause);
		else if (again > now) this.#alarm.set(again);
		else if (shelf.rows.some((row) => row.state !== 'failed')) this.#alarm.set(now + LOOK_EVERY_MS);
	}

	async #sendAll(): Promise<void> {
		const { clock, tabs, shelf } = this.#parts;
		await shelf.change((rows) => ({ put: revived(rows, tabs.isSure, clock.now()), answer: undefined }));
		const flights = new Set<Promise<void>>();
		let broke: unknown = null;
		try {
			while (broke === null) {
				const nudged = new Promise<void>((resolve) => (this.#nudge = resolve));
				for (const row of await this.#take()) {
					const flight = this.#fly(row)
						.catch((error: unknown) => (broke = error))
						.then(() => void flights.delete(flight));
					flights.add(flight);
				}
				if (flights.size === 0 && next(shelf.rows, this.#host.gate(), clock.now()).length === 0) break;
				await Promise.race([nudged, ...flights]);
			}
		} finally {
			// No other tab's turn while something of this one is on the wire.
			await Promise.all(flights);
		}
		if (broke !== null) throw broke;
	}

	/** Marks what goes now, so that it is known to be on its way even if this tab dies. */
	async #take(): Promise<Row[]> {
		const { clock, shelf } = this.#parts;
		const gate = this.#host.gate();
		const isBack = this.#isBack && gate.isLive;
		if (!isBack && next(shelf.rows, gate, clock.now()).length === 0) return [];
		const taken = await shelf.change((stored) => {
			const changed = new Map((isBack ? reconnected(stored) : []).map((row) => [row.id, row]));
			const rows = stored.map((row) => changed.get(row.id) ?? row);
			const going = next(rows, gate, clock.now());
			for (const row of going) changed.set(row.id, claimed(row, clock.now()));
			// With the time of an earlier attempt, if there was one: the server may have to be asked.
			const answer = going.map((row) => ({ ...claimed(row, clock.now()), firstSentAt: row.firstSentAt }));
			return { put: [...changed.values()], answer };
		});
		if (isBack) this.#isBack = false;
		this.#host.changed();
		return taken;
	}

	async #fly(row: Row): Promise<void> {
		const { clock, chance, shelf } = this.#parts;
		const token = this.#parts.token();
		const { signal } = this.#flights;
		let outcome: Outcome = token === null ? { kind: 'sign-in' } : await this.#attempt(row, token, signal);
		if (signal.aborted) return;
		if (outcome.kind === 'sign-in') this.#host.refused(token);
		const isConfirmed = shelf.rows.some((one) => one.id === row.id && one.isConfirmed);
		if (isConfirmed && outcome.kind !== 'done') outcome = { kind: 'done', answer: null };
		if (outcome.kind === 'done') this.#host.isDone(row, outcome.answer);
		const end = (rows: Row[]): Change<void> => {
			const kept = rows.find((one) => one.id === row.id);
			if (!kept) return { answer: undefined };
			const rest = after(kept, outcome, clock.now(), chance);
			return rest ? { put: [rest], answer: undefined } : { remove: [row.id], answer: undefined };
		};
		await shelf.change(end, () => {
			if (outcome.kind === 'done') this.#host.sent(row, outcome.answer);
			this.#host.changed();
		});
	}

	async #attempt(row: Row, token: string, signal: AbortSignal): Promise<Outcome> {
		const { sender, clock } = this.#parts;
		if (!mustAsk(row, clock.now())) return sender.send(row, token, signal);
		const ran = await sender.ask(row, token, clock.now(), signal);
		if (ran.kind === 'ran') return { kind: 'done', answer: ran.answer };
		if (ran.kind === 'unknown') return beyondMemory();
		return ran.kind === 'not' ? sender.send(row, token, signal) : ran;
	}
}
