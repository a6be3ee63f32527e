/**
 * Commands that survive being offline: kept before they are shown, sent when the connection is live, in order within
 * their resource, by one tab at a time, and shown in every tab. What is decided is in `machine.ts`; `courier.ts` sends.
 */
import type { Chance, Clock } from '../clock.ts';
import { guarded } from '../guarded.ts';
import { uuid } from '../uuid.ts';
import { Answers } from './answers.ts';
import { Courier } from './courier.ts';
import { entries, retried, type Entry, type Gate } from './machine.ts';
import { personOf } from './person.ts';
import { LIMITS, mustFit, newRow, parseRow, type Command, type Json, type OutboxLimits, type Row } from './row.ts';
import type { Sender } from './send.ts';
import { Shelf } from './shelf.ts';
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

export class Outbox {
	/** Resolves when what was kept is shown. */
	readonly ready: Promise<void>;
	readonly #parts: OutboxParts;
	readonly #limits: OutboxLimits;
	readonly #shelf: Shelf;
	readonly #courier: Courier;
	readonly #changes = new Set<(entries: readonly Entry[]) => void>();
	readonly #answers: Answers;
	#entries: readonly Entry[] = [];
	#isLive = false;
	/** The server did not take this one. */
	#refusedToken: string | null = null;

	constructor(parts: OutboxParts) {
		const { store, tabs } = parts;
		this.#parts = parts;
		this.#answers = new Answers(parts.clock);
		this.#limits = { ...LIMITS, ...parts.limits };
		this.#shelf = new Shelf(store, tabs);
		this.#courier = new Courier(
			{ ...parts, shelf: this.#shelf },
			{
				gate: () => this.#gate(),
				isDone: (row, answer) => tabs.post({ type: 'sent', row, answer }),
				sent: (row, answer) => this.#answers.tell(this.#entry(row), answer),
				changed: () => this.#show(),
				refused: (token) => {
					this.#refusedToken = token;
					guarded(() => parts.onRefused?.());
				},
			},
		);
		tabs.listen((message) => this.#heard(message));
		this.ready = this.#begin();
	}

	/** Oldest first; the same in every tab. */
	get entries(): readonly Entry[] {
		return this.#entries;
	}

	/** Whether what waits outlives this page. */
	get isKept(): boolean {
		return this.#shelf.isKept;
	}

	/** Rows that could not be read and were thrown away. */
	get damaged(): number {
		return this.#shelf.damaged;
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
		const row = await this.#shelf.change((rows) => {
			const { replaces } = command;
			const dropped = replaces === undefined ? [] : rows.filter((row) => isReplaced(row, replaces));
			const others = rows.filter((other) => !dropped.includes(other));
			const order = rows.reduce((last, other) => Math.max(last, other.order), 0) + 1;
			const added = newRow(id, command, order, clock.now());
			mustFit(added, others, this.#limits);
			return { put: [added], remove: dropped.map((other) => other.id), answer: added };
		});
		this.#changed();
		return this.#entry(row);
	}

	/** Sends what failed, or does not want to wait. False if it is not here, or on its way already. */
	async retry(id: string): Promise<boolean> {
		const isFound = await this.#shelf.change((rows) => {
			const row = rows.find((one) => one.id === id && one.state !== 'sending');
			return row ? { put: [retried(row)], answer: true } : { answer: false };
		});
		this.#changed();
		return isFound;
	}

	/** `sending`: it is on the wire and may happen, but will not be tried again. `gone`: it is not here (any more). */
	async cancel(id: string): Promise<'cancelled' | 'sending' | 'gone'> {
		const outcome = await this.#shelf.change<'cancelled' | 'sending' | 'gone'>((rows) => {
			const row = rows.find((one) => one.id === id);
			if (!row) return { answer: 'gone' };
			if (row.state === 'sending') return { put: [{ ...row, isCancelled: true }], answer: 'sending' };
			return { remove: [id], answer: 'cancelled' };
		});
		if (outcome === 'cancelled') this.#answers.givenUp(id);
		this.#changed();
		return outcome;
	}

	/** Its effect was seen, so it happened: it is not sent (again). */
	async confirm(id: string): Promise<void> {
		const known = this.#shelf.rows.find((row) => row.id === id);
		if (!known) return;
		// Said first, so that no tab takes its absence for having been given up.
		if (known.state !== 'sending') this.#parts.tabs.post({ type: 'sent', row: known, answer: null });
		const end = (rows: Row[]): Change<Row | null> => {
			const found = rows.find((one) => one.id === id);
			if (!found) return { answer: null };
			if (found.state === 'sending') return { put: [{ ...found, isConfirmed: true }], answer: null };
			return { remove: [id], answer: found };
		};
		await this.#shelf.change(end, (row) => {
			if (row) this.#answers.tell(this.#entry(row), null);
			this.#changed();
		});
	}

	/** The answer of one command of this tab. Rejects with the server's `ApiError` when it fails, and when it is given up. */
	sent(id: string): Promise<Json> {
		const answer = this.#answers.of(id);
		this.#answers.settle(this.#shelf.rows);
		return answer;
	}

	/** Whether the connection is live. */
	gate(isLive: boolean): void {
		if (isLive && !this.#isLive) this.#courier.back();
		this.#isLive = isLive;
		this.#changed();
	}

	/** The person signs out: forgets everything, here and in all tabs. */
	async clear(): Promise<void> {
		this.#courier.abort();
		this.#shelf.forget();
		this.#show();
		await this.#shelf.clear();
	}

	/** Stops sending from this tab; what waits stays. */
	close(): void {
		this.#isLive = false;
		this.#courier.close();
		this.#shelf.close();
	}

	async #begin(): Promise<void> {
		// A store that refuses says so to whoever wants to keep something.
		await this.#shelf.change(() => ({ answer: undefined })).catch(() => undefined);
		this.#changed();
	}

	#heard(message: TabMessage): void {
		switch (message.type) {
			case 'changed':
				void this.#shelf.look().then(() => this.#changed());
				return;
			case 'sent': {
				const row = parseRow(message.row);
				if (!row) return;
				this.#shelf.drop(row.id);
				this.#answers.tell(this.#entry(row), message.answer as Json);
				return this.#show();
			}
			case 'cleared':
				this.#courier.abort();
				this.#shelf.forget();
				return this.#show();
			default:
				message satisfies never;
		}
	}

	#gate(): Gate {
		const token = this.#parts.token();
		const owner = personOf(token);
		const isTheirs = owner === null || this.#parts.person === null || owner === this.#parts.person;
		return { isLive: this.#isLive, isSignedIn: token !== null && token !== this.#refusedToken && isTheirs };
	}

	#changed(): void {
		this.#show();
		this.#courier.go();
	}

	#show(): void {
		this.#entries = entries(this.#shelf.rows, this.#gate());
		this.#answers.settle(this.#shelf.rows);
		for (const told of [...this.#changes]) guarded(() => told(this.#entries));
	}

	#entry(row: Row): Entry {
		return entries([row], this.#gate())[0] as Entry;
	}
}

/** What waits or failed gives way to what replaces it; what is on the wire goes on. */
function isReplaced(row: Row, replaces: string): boolean {
	return row.replaces === replaces && row.state !== 'sending';
}
