/**
 * Commands that survive being offline: kept before they are shown, sent when the connection is live, in order within
 * their resource, by one tab at a time, and shown in every tab. What is decided is in `machine.ts`; this carries it out.
 */
import { Alarm, type Chance, type Clock } from '../clock.ts';
import { guarded } from '../guarded.ts';
import { uuid } from '../uuid.ts';
import { Answers } from './answers.ts';
import {
	after,
	claimed,
	due,
	entries,
	mustAsk,
	next,
	reconnected,
	retried,
	revived,
	type Entry,
	type Gate,
	type Outcome,
} from './machine.ts';
import { personOf } from './person.ts';
import {
	LIMITS,
	OutboxFull,
	OutboxUnavailable,
	mustFit,
	newRow,
	parseRow,
	type Command,
	type Json,
	type OutboxLimits,
	type Row,
} from './row.ts';
import { beyondMemory, type Sender } from './send.ts';
import type { Change, OutboxStore } from './store.ts';
import type { TabMessage, Tabs } from './tabs.ts';

export interface Sent {
	entry: Entry;
	/** The server's answer; null if the command is known to have happened and the answer is not. */
	answer: Json;
}

export interface OutboxParts {
	/** Whose commands these are; null if the token does not say, as API keys do not. */
	person: string | null;
	token: () => string | null;
	store: OutboxStore;
	tabs: Tabs;
	sender: Sender;
	clock: Clock;
	chance: Chance;
	limits?: Partial<OutboxLimits>;
	/** The server did not take the token. */
	onRefused?: () => void;
}

/** How often a closed gate is looked at: a token may have been renewed. */
const LOOK_EVERY_MS = 15_000;
/** How long a store that refused is left alone. */
const PAUSE_MS = 5_000;

export class Outbox {
	/** Resolves when what was kept is shown. */
	readonly ready: Promise<void>;
	/** Rows that could not be read and were thrown away when this began. */
	damaged = 0;
	readonly #parts: OutboxParts;
	readonly #limits: OutboxLimits;
	readonly #alarm: Alarm;
	readonly #changes = new Set<(entries: readonly Entry[]) => void>();
	readonly #answers = new Answers();
	#rows: readonly Row[] = [];
	#entries: readonly Entry[] = [];
	#isLive = false;
	/** The connection came back since anything was last taken from the store. */
	#isBack = false;
	/** The server did not take this one. */
	#refusedToken: string | null = null;
	#flights = new AbortController();
	#isDraining = false;
	#nudge: () => void = () => {};
	#isClosed = false;

	constructor(parts: OutboxParts) {
		this.#parts = parts;
		this.#limits = { ...LIMITS, ...parts.limits };
		this.#alarm = new Alarm(parts.clock, () => this.#drain());
		parts.tabs.listen((message) => this.#heard(message));
		this.ready = this.#begin();
	}

	/** Oldest first; the same in every tab. */
	get entries(): readonly Entry[] {
		return this.#entries;
	}

	/** Whether what waits outlives this page. */
	get isKept(): boolean {
		return this.#parts.store.isKept;
	}

	onChange(told: (entries: readonly Entry[]) => void): () => void {
		this.#changes.add(told);
		return () => void this.#changes.delete(told);
	}

	/** A command was done: told in every tab, before `onChange` tells that it is gone. */
	onSent(told: (sent: Sent) => void): () => void {
		return this.#answers.onSent(told);
	}

	/** Keeps a command; it is on disk and shown when this resolves. Throws `OutboxFull` or `OutboxUnavailable`. */
	async add(command: Command, id: string = uuid()): Promise<Entry> {
		const { clock } = this.#parts;
		const row = await this.#change((rows) => {
			const old = rows.filter(({ replaces, state }) => replaces === command.replaces && state !== 'sending');
			const dropped = command.replaces === undefined ? [] : old;
			const others = rows.filter((other) => !dropped.includes(other));
			const order = rows.reduce((last, other) => Math.max(last, other.order), 0) + 1;
			const added = newRow(id, command, order, clock.now());
			mustFit(added, others, this.#limits);
			return { put: [added], remove: dropped.map((other) => other.id), answer: added };
		});
		this.#drain();
		return entries([row], this.#gate())[0] as Entry;
	}

	/** Sends what failed, or does not want to wait. False if it is not here, or on its way already. */
	async retry(id: string): Promise<boolean> {
		const isFound = await this.#change((rows) => {
			const row = rows.find((one) => one.id === id && one.state !== 'sending');
			return row ? { put: [retried(row)], answer: true } : { answer: false };
		});
		this.#drain();
		return isFound;
	}

	/** `sending`: it is on the wire and may happen, but will not be tried again. `gone`: it is not here (any more). */
	async cancel(id: string): Promise<'cancelled' | 'sending' | 'gone'> {
		const outcome = await this.#change<'cancelled' | 'sending' | 'gone'>((rows) => {
			const row = rows.find((one) => one.id === id);
			if (!row) return { answer: 'gone' };
			if (row.state === 'sending') return { put: [{ ...row, isCancelled: true }], answer: 'sending' };
			return { remove: [id], answer: 'cancelled' };
		});
		this.#drain();
		return outcome;
	}

	/** Its effect was seen, so it happened: it is not sent (again). */
	async confirm(id: string): Promise<void> {
		if (!this.#rows.some((row) => row.id === id)) return;
		const row = await this.#change<Row | null>((rows) => {
			const found = rows.find((one) => one.id === id);
			if (!found) return { answer: null };
			if (found.state === 'sending') return { put: [{ ...found, isConfirmed: true }], answer: null };
			return { remove: [id], answer: found };
		}, false);
		if (row) this.#sent(row, null);
		this.#show();
	}

	/** The answer of one command of this tab. Rejects with the server's `ApiError` when it fails, and when it is given up. */
	sent(id: string): Promise<Json> {
		const answer = this.#answers.of(id);
		this.#answers.settle(this.#rows);
		return answer;
	}

	/** Whether the connection is live. */
	gate(isLive: boolean): void {
		if (isLive && !this.#isLive) this.#isBack = true;
		this.#isLive = isLive;
		this.#show();
		this.#drain();
	}

	/** The person signs out: forgets everything, here and in all tabs. */
	async clear(): Promise<void> {
		this.#forget();
		await this.#parts.store.clear();
		this.#parts.tabs.post({ type: 'cleared' });
	}

	/** Stops sending from this tab; what waits stays. */
	close(): void {
		this.#isClosed = true;
		this.#isLive = false;
		this.#alarm.set(null);
		this.#flights.abort();
		this.#nudge();
		this.#parts.tabs.close();
		this.#parts.store.close();
	}

	async #begin(): Promise<void> {
		await this.#change(() => ({ answer: undefined })).catch(() => undefined);
		this.#drain();
	}

	#heard(message: TabMessage): void {
		switch (message.type) {
			case 'changed':
				void this.#look();
				return;
			case 'sent': {
				const row = parseRow(message.row);
				if (row) this.#answers.tell(entryOf(row, this.#gate()), message.answer as Json);
				void this.#look();
				return;
			}
			case 'cleared':
				this.#forget();
				return;
			default:
				message satisfies never;
		}
	}

	async #look(): Promise<void> {
		try {
			this.#rows = this.#readable(await this.#parts.store.read());
		} catch {
			return; // The store said so to whoever wrote; what is shown stays.
		}
		this.#show();
		this.#nudge();
		this.#drain();
	}

	#forget(): void {
		this.#flights.abort();
		this.#flights = new AbortController();
		this.#rows = [];
		this.#show();
	}

	#gate(): Gate {
		const token = this.#parts.token();
		const owner = personOf(token);
		const isTheirs = owner === null || this.#parts.person === null || owner === this.#parts.person;
		return { isLive: this.#isLive, isSignedIn: token !== null && token !== this.#refusedToken && isTheirs };
	}

	#readable(stored: unknown[]): Row[] {
		return stored.map(parseRow).filter((row) => row !== null);
	}

	/** Changes the store, takes over what is in it then, and tells the other tabs. */
	async #change<T>(decide: (rows: Row[]) => Change<T>, shows = true): Promise<T> {
		let rows: Row[] = [];
		let isChanged = false;
		let answer: T;
		try {
			answer = await this.#parts.store.change((stored) => {
				const readable = this.#readable(stored);
				const change = decide(readable);
				const damaged = stored.length - readable.length;
				this.damaged += damaged;
				const remove = [...(change.remove ?? []), ...(damaged > 0 ? idsOfDamaged(stored) : [])];
				isChanged = (change.put?.length ?? 0) + remove.length > 0;
				const put = new Map((change.put ?? []).map((row) => [row.id, row]));
				rows = readable.filter((row) => !remove.includes(row.id) && !put.has(row.id));
				rows.push(...put.values());
				return { ...change, remove };
			});
		} catch (error) {
			if (error instanceof OutboxFull) throw error;
			throw new OutboxUnavailable(error);
		}
		this.#rows = rows;
		if (shows) this.#show();
		if (isChanged) this.#parts.tabs.post({ type: 'changed' });
		this.#nudge();
		return answer;
	}

	#show(): void {
		this.#entries = entries(this.#rows, this.#gate());
		this.#answers.settle(this.#rows);
		for (const told of [...this.#changes]) guarded(() => told(this.#entries));
	}

	#sent(row: Row, answer: Json): void {
		this.#parts.tabs.post({ type: 'sent', row, answer });
		this.#answers.tell(entryOf(row, this.#gate()), answer);
	}

	/** Sends what may go now, when no other tab does; and looks again when something else is due. */
	#drain(): void {
		if (this.#isClosed || this.#isDraining) return this.#nudge();
		const { clock } = this.#parts;
		const gate = this.#gate();
		const at = due(this.#rows);
		// Another tab's, or one that died: whoever gets the turn finds out.
		const isStale = this.#rows.some((row) => row.state === 'sending');
		if (!gate.isLive || (at === null && !isStale)) return this.#alarm.set(null);
		if (!gate.isSignedIn) return this.#alarm.set(clock.now() + LOOK_EVERY_MS);
		if (!isStale && !this.#isBack && at !== null && at > clock.now()) return this.#alarm.set(at);
		this.#isDraining = true;
		void this.#parts.tabs
			.alone(() => this.#sendAll())
			.then(
				() => 0,
				// A store that refuses is not asked without end.
				() => PAUSE_MS,
			)
			.then((pause) => {
				this.#isDraining = false;
				if (this.#isClosed) return;
				const now = clock.now();
				const again = due(this.#rows) ?? now;
				if (next(this.#rows, this.#gate(), now).length > 0) this.#alarm.set(now + pause);
				else if (again > now) this.#alarm.set(again);
				else if (this.#rows.some((row) => row.state !== 'failed')) this.#alarm.set(now + LOOK_EVERY_MS);
			});
	}

	async #sendAll(): Promise<void> {
		const { clock, tabs } = this.#parts;
		await this.#change((rows) => ({ put: revived(rows, tabs.isSure, clock.now()), answer: undefined }));
		const flights = new Set<Promise<void>>();
		for (;;) {
			const nudged = new Promise<void>((resolve) => (this.#nudge = resolve));
			for (const row of await this.#take()) {
				const flight = this.#fly(row).finally(() => flights.delete(flight));
				flights.add(flight);
			}
			if (flights.size === 0 && next(this.#rows, this.#gate(), clock.now()).length === 0) return;
			await Promise.race([nudged, ...flights]);
		}
	}

	/** Marks what goes now, so that it is known to be on its way even if this tab dies. */
	async #take(): Promise<Row[]> {
		const { clock } = this.#parts;
		const gate = this.#gate();
		const isBack = this.#isBack && gate.isLive;
		if (!isBack && next(this.#rows, gate, clock.now()).length === 0) return [];
		if (isBack) this.#isBack = false;
		return this.#change((stored) => {
			const woken = new Map((isBack ? reconnected(stored) : []).map((row) => [row.id, row]));
			const rows = stored.map((row) => woken.get(row.id) ?? row);
			const taken = next(rows, gate, clock.now()).map((row) => claimed(row, clock.now()));
			for (const row of taken) woken.set(row.id, row);
			return {
				put: [...woken.values()],
				answer: taken.map((row) => ({ ...row, firstSentAt: before(rows, row) })),
			};
		});
	}

	async #fly(row: Row): Promise<void> {
		const { clock, chance } = this.#parts;
		const token = this.#parts.token();
		const { signal } = this.#flights;
		const outcome = token === null ? ({ kind: 'sign-in' } as const) : await this.#attempt(row, token, signal);
		if (signal.aborted) return;
		if (outcome.kind === 'sign-in') {
			this.#refusedToken = token;
			guarded(() => this.#parts.onRefused?.());
		}
		const end = await this.#change<'kept' | 'confirmed' | 'gone'>((rows) => {
			const kept = rows.find((one) => one.id === row.id);
			if (!kept) return { answer: 'gone' };
			const rest = after(kept, outcome, clock.now(), chance);
			if (rest) return { put: [rest], answer: 'kept' };
			return { remove: [row.id], answer: kept.isConfirmed ? 'confirmed' : 'gone' };
		}, false);
		if (outcome.kind === 'done') this.#sent(row, outcome.answer);
		else if (end === 'confirmed') this.#sent(row, null);
		this.#show();
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

/** When it was first sent, before the attempt that was just begun. */
function before(rows: readonly Row[], row: Row): number | null {
	return rows.find((one) => one.id === row.id)?.firstSentAt ?? null;
}

function entryOf(row: Row, gate: Gate): Entry {
	return entries([row], gate)[0] as Entry;
}

function idsOfDamaged(stored: unknown[]): string[] {
	return stored
		.filter((row) => parseRow(row) === null)
		.map((row) => (row as { id?: unknown } | null)?.id)
		.filter((id) => typeof id === 'string');
}
